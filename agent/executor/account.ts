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

export interface Groups {
  /** The id of the group of this name. */
  findGroup(name: string): Promise<number | undefined>;
}

/** Whose what the agent makes becomes, whatever its user's entry says. */
export function processIds(): { uid: number; gid: number } {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
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

/** Reads group(5), as `parsePasswd` reads its file. */
export function parseGroups(text: string): Map<string, number> {
  const groups = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [name, , gid, members, ...more] = line.split(':');
    if (!name || !gid || members === undefined || more.length > 0 || !/^\d+$/.test(gid)) continue;
    if (!groups.has(name)) groups.set(name, Number(gid));
  }
  return groups;
}

/** Strict enough for a program's argument and a colon-separated file, wide enough for names out of a directory. */
export function isAccountName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.@+\\-]{0,255}\$?$/.test(name);
}

/** /etc/passwd first; then whatever name services the machine has. */
export function localAccounts(
  options: { passwdFile?: string; groupFile?: string; lookUpMs?: number } = {},
): Accounts & Groups {
  const { passwdFile = '/etc/passwd', groupFile = '/etc/group', lookUpMs = 10_000 } = options;
  const local = () => parsePasswd(read(passwdFile));

  /** getent takes digits for an id: only an answer with this very name counts. */
  function remote(database: 'passwd' | 'group', name: string): Promise<string> {
    return new Promise((resolve) => {
      execFile('getent', [database, name], { timeout: lookUpMs }, (error, stdout) =>
        resolve(error ? '' : stdout),
      );
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
      const hasName = (account: Account) => account.name === name;
      return local().find(hasName) ?? parsePasswd(await remote('passwd', name)).find(hasName);
    },
    async findGroup(name) {
      if (!isAccountName(name)) return undefined;
      return parseGroups(read(groupFile)).get(name) ?? parseGroups(await remote('group', name)).get(name);
    },
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
