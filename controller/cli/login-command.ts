import { X509Certificate } from 'node:crypto';
import { createClient } from './client.ts';
import { type Context, parseToken, parseUrl } from './context.ts';
import { EXIT, Failure, wrongUse } from './failure.ts';
import { readBytes, writePrivate } from './files.ts';
import { contextFileOf } from './home.ts';
import { jsonLine, sanitiseLine } from './output/sanitise.ts';
import { fingerprintOf, parseFingerprint } from './pinning.ts';
import { probe } from './probe.ts';
import type { Surroundings } from './surroundings.ts';

export interface LoginOptions {
  fingerprint?: string;
  tokenFile?: string;
  json?: boolean;
}

const TOKEN_FILE_BYTES = 64 * 1024;

/**
 * Makes a controller the one that commands from here go to: pins its certificate authority, checks the token, keeps
 * both.
 */
export async function login(
  surroundings: Surroundings,
  address: string,
  options: LoginOptions,
): Promise<number> {
  const url = parseUrl(address, 'login');
  const expected = options.fingerprint === undefined ? undefined : parseFingerprint(options.fingerprint);
  if (options.fingerprint !== undefined && expected === undefined)
    throw wrongUse('--fingerprint is not a SHA-256: 64 hex digits, with or without colons');
  const ca = await trusted(surroundings, url, expected);
  const token = await readToken(surroundings, options.tokenFile);
  const context: Context = { url, ...(ca === undefined ? {} : { ca }), token };
  const client = createClient(context);
  const who = await client.call('whoami', {}).finally(() => client.close());
  const path = contextFileOf(surroundings);
  await writePrivate(path, `${JSON.stringify(context, null, 2)}\n`);
  const { stdout } = surroundings;
  const fingerprint = ca === undefined ? null : fingerprintOf(ca);
  if (options.json)
    stdout.write(`${jsonLine({ url, name: who.name, role: who.role, fingerprint, context: path })}\n`);
  else stdout.write(`logged in to ${url} as ${sanitiseLine(who.name)} (${who.role}); kept in ${path}\n`);
  return EXIT.ok;
}

/**
 * The authority to pin, when the operator or `expected` agrees to it; undefined where the system's own authorities
 * are enough.
 */
async function trusted(
  surroundings: Surroundings,
  url: string,
  expected: string | undefined,
): Promise<string | undefined> {
  const { chain, publiclyTrusted } = await probe(url);
  const ca = chain.at(-1);
  if (ca === undefined) throw new Failure(EXIT.refused, `${url} shows no certificate`);
  const fingerprint = fingerprintOf(ca);
  if (expected !== undefined) {
    if (expected !== fingerprint)
      throw new Failure(
        EXIT.refused,
        `${url} shows the certificate authority ${fingerprint}, not the one of --fingerprint`,
        '"muster status" on the controller shows its fingerprint; if it is not this one, somebody stands between',
      );
    return ca;
  }
  if (publiclyTrusted) return undefined;
  const { stdin, stderr } = surroundings;
  const subject = sanitiseLine(new X509Certificate(ca).subject.replaceAll('\n', ', '));
  if (!stdin.isTerminal || !stderr.isTerminal)
    throw wrongUse(
      `nobody is here to compare the fingerprint of ${url}`,
      '"muster status" on the controller shows it; give it as --fingerprint HEX',
    );
  stderr.write(`${url} shows the certificate authority "${subject}", SHA-256:\n  ${fingerprint}\n`);
  const answer = await surroundings.ask('Does "muster status" on the controller show the same? [y/N] ');
  if (!/^y(es)?$/i.test(answer.trim())) throw wrongUse('the fingerprint was not confirmed; nothing was kept');
  return ca;
}

/** From a file, standard input (`-`) or a prompt: on a command line everybody on the machine could read it. */
async function readToken(surroundings: Surroundings, file: string | undefined): Promise<string> {
  if (file === '-') {
    const bytes = await surroundings.stdin.readAll(TOKEN_FILE_BYTES);
    return parseToken(Buffer.from(bytes).toString(), 'standard input');
  }
  if (file !== undefined)
    return parseToken(Buffer.from(await readBytes(file, TOKEN_FILE_BYTES)).toString(), file);
  if (!surroundings.stdin.isTerminal || !surroundings.stderr.isTerminal)
    throw wrongUse(
      'there is no API token',
      'give it as --token-file FILE, or --token-file - for standard input',
    );
  return parseToken(await surroundings.ask('API token: ', { hidden: true }), 'the answer');
}
