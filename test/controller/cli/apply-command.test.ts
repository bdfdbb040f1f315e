import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { JobBody } from '../../../controller/api/contract.ts';
import { commandLine } from '../../../controller/cli/command-line.ts';
import { temporaryFolder } from '../../support/folder.ts';
import type { Handlers } from './fake-api.ts';
import { target } from './fake-job.ts';
import { oneWell, type Stage, stage } from './run-stage.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

async function applyStage(t: TestContext, files: Record<string, string | Uint8Array>, more: Stage = {}) {
  const folder = temporaryFolder(t);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  const file = join(folder, 'bundle.yaml');
  const set = await stage(t, { events: oneWell(), ...more });
  return {
    ...set,
    file,
    apply: (...argv: string[]) => commandLine(['apply', ...argv], set.terminal),
    err: () => set.terminal.stderr.text().replaceAll(folder, ''),
  };
}

test('apply sends the tasks of a bundle file, with the files that it names beside it', async (t) => {
  const { apply, file, created } = await applyStage(
    t,
    {
      'bundle.yaml': `name: web tier
tasks:
  - script: bin/fix.sh
    args: [--now]
  - file: { path: /etc/motd, source: motd, mode: "0644" }
  - shell: date
`,
      'bin/fix.sh': '#!/bin/sh\n',
      motd: 'hello\n',
    },
    { handlers: { 'targets.list': () => [target('web-1')] } },
  );
  assert.equal(await apply('-f', file, '-t', 'web-1'), 0);
  assert.deepEqual(created()?.body, {
    targets: 'web-1',
    title: 'web tier',
    tasks: [
      { script: { content: base64('#!/bin/sh\n'), args: ['--now'], name: 'fix.sh' } },
      { file: { path: '/etc/motd', mode: 0o644, state: 'file', inline: base64('hello\n') } },
      { shell: { line: 'date' } },
    ],
  });
});

test('what the options say wins over the defaults of the file, variable by variable', async (t) => {
  const { apply, file, created } = await applyStage(t, {
    'bundle.yaml': `defaults: { user: www, timeout: 10m, ttl: 1m, max-output: 1K, nice: 3, env: { A: a, B: b } }
tasks: [{ shell: date }]
`,
  });
  const options = ['--user', 'root', '--timeout', '5s', '--env', 'B=c', '--nice', '0', '--check'];
  assert.equal(await apply('-f', file, '-t', 'web-1', ...options), 0);
  assert.deepEqual(created()?.body, {
    targets: 'web-1',
    tasks: [{ shell: { line: 'date' } }],
    ...{ check: true, user: 'root', timeoutMs: 5000, ttlMs: 60_000, outputCapBytes: 1024, nice: 0 },
    env: { A: 'a', B: 'c' },
  });
});

test('apply -f - takes the bundle from standard input', async (t) => {
  const stdin = Buffer.from('tasks: [{ shell: date }]');
  const { apply, created } = await applyStage(t, {}, { stdin });
  assert.equal(await apply('-f', '-', '-t', 'web-1'), 0);
  assert.deepEqual(created()?.body, { targets: 'web-1', tasks: [{ shell: { line: 'date' } }] });
});

test('a bundle with mistakes is told line by line, and nothing is sent', async (t) => {
  const { apply, file, api, err } = await applyStage(t, {
    'bundle.yaml': 'tasks:\n  - shel: date\n  - file: { path: /etc/motd, content: x, mode: 0644 }\n',
  });
  assert.equal(await apply('-f', file, '-t', 'web-1'), 2);
  assert.equal(api.calls.length, 0);
  assert.equal(
    err(),
    `muster: /bundle.yaml has 2 mistakes; nothing was sent
  /bundle.yaml:2: tasks[0].shel: expected one of command, shell, script, file, tree, directory, link, absent, service, package, reboot and probe
  /bundle.yaml:3: tasks[1].file.mode: expected four octal digits in quotes, like "0644", not the number 644; a text is put in quotes
`,
  );
});

test('of a hundred mistakes the first twenty are told, harmless on a terminal', async (t) => {
  const { apply, file, err } = await applyStage(t, {
    'bundle.yaml': `tasks:\n${'  - "\\e[31m\\u202e"\n'.repeat(100)}`,
  });
  assert.equal(await apply('-f', file, '-t', 'web-1'), 2);
  const lines = err().trimEnd().split('\n');
  assert.equal(lines.length, 22);
  assert.equal(lines.at(-1), '  … and 80 more');
  assert.match(lines[1] ?? '', /not "\\u001b\[31m\\u\{202e\}"$/);
});

test('what is too large for an order is uploaded first, once somebody is meant', async (t) => {
  const put: [string, unknown][] = [];
  const key = 'cd'.repeat(32);
  const large = Buffer.alloc(300 * 1024, 'x');
  const handlers: Handlers = {
    'targets.list': () => [target('web-1')],
    'contents.put': ({ params, query }) => {
      put.push([params.sha512 ?? '', query]);
      const length = Number(query.length);
      return { sha512: params.sha512 ?? '', length, have: length, complete: true, key };
    },
  };
  const { apply, file, created } = await applyStage(
    t,
    {
      'bundle.yaml': `tasks:
  - name: the site
    unless: "false"
    tree: { path: /srv/site, source: site, owner: www }
  - file: { path: /opt/app, source: large, mode: "0755" }
  - file: { path: /opt/small, source: site/a }
`,
      large,
      'site/a': 'a\n',
    },
    { handlers },
  );
  assert.equal(await apply('-f', file, '-t', 'web-1'), 0);
  const body = created()?.body as JobBody | undefined;
  const [tree, app, small] = body?.tasks ?? [];
  assert.ok(tree && 'tree' in tree && app && 'file' in app && small && 'file' in small);
  const sent = put.map(([digest]) => digest);
  assert.deepEqual(
    [tree.name, tree.unless, tree.tree.path, tree.tree.owner],
    [...['the site', 'false', '/srv/site', 'www']],
  );
  assert.ok(sent.includes(tree.tree.manifest.sha512));
  const sha512 = createHash('sha512').update(large).digest('hex');
  assert.deepEqual(app.file, {
    ...{ path: '/opt/app', state: 'file', mode: 0o755 },
    content: { sha512, length: large.length, key },
  });
  assert.deepEqual([small.file.inline, small.file.mode], [base64('a\n'), 0o644]);
  assert.equal(sent.length, 3, 'the list of the tree, what is in it, and the large file');
});

test('files that a bundle names and nobody can read are told with the line that names them', async (t) => {
  const { apply, file, api, err } = await applyStage(t, {
    'bundle.yaml': `tasks:
  - script: none.sh
  - script: empty.sh
  - file: { path: /opt/a, source: . }
  - script: large.sh
  - tree: { path: /srv, source: empty.sh }
  - tree: { path: /srv, source: /dev/null }
`,
    'empty.sh': '',
    'large.sh': Buffer.alloc(768 * 1024 + 1),
  });
  assert.equal(await apply('-f', file, '-t', 'web-1'), 2);
  assert.equal(api.calls.length, 0);
  const [, ...lines] = err().trimEnd().split('\n');
  assert.deepEqual(lines, [
    '  /bundle.yaml:2: tasks[0].script: /none.sh: there is no such file',
    '  /bundle.yaml:3: tasks[1].script: empty.sh is empty',
    '  /bundle.yaml:4: tasks[2].file.source: expected a file, . is a folder, which is for a tree task',
    '  /bundle.yaml:5: tasks[3].script: /large.sh is larger than 786432 bytes',
    '  /bundle.yaml:6: tasks[4].tree.source: expected a folder, empty.sh is a file, which is for a file task',
    '  /bundle.yaml:7: tasks[5].tree.source: /dev/null is a device; files, folders and links are copied',
  ]);
});

test('a bundle that is not there, or larger than an order may be, is wrong use', async (t) => {
  const { apply, file, err } = await applyStage(t, { 'bundle.yaml': Buffer.alloc(1024 * 1024 + 1, '#') });
  assert.equal(await apply('-f', file, '-t', 'web-1'), 2);
  assert.equal(await apply('-f', `${file}.not`, '-t', 'web-1'), 2);
  assert.equal(await apply('-t', 'web-1'), 2);
  assert.equal(
    err(),
    `muster: /bundle.yaml is larger than 1048576 bytes
muster: /bundle.yaml.not: there is no such file
muster: required option '-f, --file <file>' not specified
  see "muster apply --help"
`,
  );
});
