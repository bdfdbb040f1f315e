import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { issueServer } from '../../../../certs/tls.ts';
import { fetchText } from '../../../../controller/installer/script/download.ts';
import { systemRandom } from '../../../../proto/system.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { requires } from '../../../support/requires.ts';
import { testAuthorities } from '../../cli/fake-api.ts';

const BUILD = Buffer.alloc(300_000, 'the agent ');
const DIGEST = 'ab'.repeat(64);

/** A controller's door on loopback. `cutFirst`: the first answer breaks off after a third. */
async function door(t: TestContext, cutFirst = false) {
  const { own, foreign } = await testAuthorities();
  const server = await issueServer({
    ...{ random: systemRandom, authority: own, hosts: ['127.0.0.1'], now: Date.now(), days: 1 },
  });
  const asked: { url: string; range: string | undefined }[] = [];
  const https = createServer({ cert: server.certPem, key: server.keyPem }, (request, reply) => {
    const { range } = request.headers;
    asked.push({ url: request.url ?? '', range });
    if (!request.url?.endsWith(DIGEST)) return void reply.writeHead(404).end();
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const headers = { 'content-length': BUILD.length - from, 'accept-ranges': 'bytes' };
    if (from > 0)
      reply.writeHead(206, {
        ...headers,
        'content-range': `bytes ${from}-${BUILD.length - 1}/${BUILD.length}`,
      });
    else reply.writeHead(200, headers);
    if (!cutFirst || asked.length > 1) return void reply.end(BUILD.subarray(from));
    reply.write(BUILD.subarray(0, 100_000), () => setImmediate(() => reply.destroy()));
  });
  await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    https.closeAllConnections();
    https.close();
  });
  const { port } = https.address() as AddressInfo;
  return { url: `https://127.0.0.1:${port}`, asked, ca: own.certPem, other: foreign.certPem };
}

/** Programs that every machine has; `sleep` takes no time. */
const ALWAYS = ['cat', 'grep'];

async function fetched(
  t: TestContext,
  tool: string,
  urls: readonly string[],
  ca: string | undefined,
  { shell = 'sh', digest = DIGEST } = {},
) {
  const work = temporaryFolder(t);
  const bin = join(work, 'bin');
  await mkdir(bin);
  for (const program of ALWAYS) await symlink(await which(program), join(bin, program));
  if (tool !== 'node' && tool !== 'nothing') await symlink(await which(tool), join(bin, tool));
  await writeFile(join(bin, 'sleep'), '#!/bin/sh\n');
  await chmod(join(bin, 'sleep'), 0o755);
  const script = `set -eu
has() { command -v "$1" >/dev/null 2>&1; }
say() { printf '%s\\n' "$1" >&2; }
die() { say "$1"; exit 1; }
work='${work}'
node=${tool === 'node' ? `'${process.execPath}'` : ''}
${fetchText(urls, ca)}
fetch ${digest} "$work/packed" || exit 7`;
  const interpreter = await which(shell);
  const { status, said } = await new Promise<{ status: number; said: string }>((resolve) => {
    const child = execFile(interpreter, ['-c', script], { env: { PATH: bin } }, (_error, out, err) =>
      resolve({ status: child.exitCode ?? -1, said: out + err }),
    );
  });
  return { status, said, file: await readFile(join(work, 'packed')).catch(() => undefined) };
}

async function which(program: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('/bin/sh', ['-c', `command -v ${program}`], (error, out) =>
      error ? reject(error) : resolve(out.trim()),
    );
  });
}

const NOTE = /the certificate of the controller cannot be checked here/;
const TOOLS = [
  ['curl', requires('curl')],
  ['wget', requires('wget')],
  ['node', {}],
] as const;

for (const [tool, needs] of TOOLS) {
  test(`${tool} gets it from a controller whose authority is pinned`, needs, async (t) => {
    const { url, ca, asked } = await door(t);
    const { status, said, file } = await fetched(t, tool, [url], ca);
    assert.equal(status, 0, said);
    assert.deepEqual(file, BUILD);
    assert.doesNotMatch(said, NOTE);
    assert.equal(asked.at(-1)?.url, `/install/builds/${DIGEST}`);
  });

  test(`${tool} that is cut begins again, and ends with all of it`, needs, async (t) => {
    const { url, ca, asked } = await door(t, true);
    const { status, said, file } = await fetched(t, tool, [url], ca);
    assert.equal(status, 0, said);
    assert.deepEqual(file, BUILD);
    assert.match(said, /that did not work; trying again/);
    if (tool !== 'node') assert.match(asked.at(-1)?.range ?? '', /^bytes=[1-9]\d*-$/, 'from where it was');
  });

  test(`${tool} says what the controller answers, and gives up after some tries`, needs, async (t) => {
    const { url, ca, asked } = await door(t);
    const { status, said } = await fetched(t, tool, [url], ca, { digest: '00'.repeat(64) });
    assert.equal(status, 7, said);
    assert.match(said, /404/);
    assert.equal(asked.length, 5);
  });

  test(`${tool} tries each address of the controller`, needs, async (t) => {
    const { url, ca } = await door(t);
    const { status, said, file } = await fetched(t, tool, ['https://127.0.0.1:1', url], ca, {
      shell: 'dash',
    });
    assert.equal(status, 0, said);
    assert.deepEqual(file, BUILD);
  });
}

for (const tool of ['curl', 'wget'] as const)
  test(`${tool} that has no trust in the controller's certificate says so, and what comes is held to its digest`, {
    ...requires(tool),
  }, async (t) => {
    const { url, other } = await door(t);
    for (const ca of [other, undefined]) {
      const { status, said, file } = await fetched(t, tool, [url], ca);
      assert.equal(status, 0, said);
      assert.match(said, NOTE);
      assert.deepEqual(file, BUILD);
    }
  });

test('Node alone gets nothing from a stranger', async (t) => {
  const { url, other, asked } = await door(t);
  assert.equal((await fetched(t, 'node', [url], other)).status, 7);
  assert.deepEqual(asked, []);
});

test('a machine that has nothing to download with is told so', async (t) => {
  const { said, status } = await fetched(t, 'nothing', ['https://127.0.0.1:1'], undefined);
  assert.equal(status, 1);
  assert.match(said, /neither curl nor wget is here.*install one of them/);
});
