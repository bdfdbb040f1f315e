import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A user of this machine. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

export interface Accounts {
  /** The user that the agent runs as. */
  self(): Account;
  find(name: string): Promise<Account | undefined>;
}

/** Reads passwd(5). Lines that are not well-formed (comments, NIS' plus and minus) are passed over. */
export function parsePasswd(text: string): Account[] {
  const accounts: Account[] = [];
  for (const line of text.split('\n')) {
    const [name, , uid, gid, , home, shell, ...more] = line.split(':');
    if (!name || !uid || !gid || shell === undefined || more.length > 0) continue;
    if (!/^\d+$/.test(uid) || !/^\d+$/.test(gid)) continue;
    accounts.push({ name, uid: Number(uid), gid: Number(gid), home: home || '/', shell: shell || '/bin/sh' });
  }
  return accounts;
}

/** Strict enough for a program's argument and a colon-separated file, wide enough for names out of a directory. */
export function isAccountName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.@+\\-]{0,255}\$?$/.test(name);
}

/** /etc/passwd first; then whatever name services the machine has. */
export function localAccounts(options: { passwdFile?: string; lookUpMs?: number } = {}): Accounts {
  const { passwdFile = '/etc/passwd', lookUpMs = 10_000 } = options;

  function local(): Account[] {
    try {
      return parsePasswd(readFileSync(passwdFile, 'utf8'));
    } catch {
      return [];
    }
  }

  function remote(name: string): Promise<Account | undefined> {
    return new Promise((resolve) => {
      execFile('getent', ['passwd', name], { timeout: lookUpMs }, (error, stdout) => {
        // getent takes digits for a uid: only an answer with this very name counts.
        resolve(error ? undefined : parsePasswd(stdout).find((account) => account.name === name));
      });
    });
  }

  return {
    self() {
      const uid = process.getuid?.() ?? 0;
      const found = local().find((account) => account.uid === uid);
      return found ?? { name: String(uid), uid, gid: process.getgid?.() ?? 0, home: '/', shell: '/bin/sh' };
    },
    async find(name) {
      if (!isAccountName(name)) return undefined;
      return local().find((account) => account.name === name) ?? (await remote(name));
    },
  };
}
