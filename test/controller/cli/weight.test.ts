import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** What a command has to load before it runs: its files, and all that they import at once. */
function loaded(meta: Metafile, ...roots: string[]): string[] {
  const files = new Set<string>();
  const queue = [...roots];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    for (const { path, kind, external } of meta.inputs[file]?.imports ?? [])
      if (kind !== 'dynamic-import') external ? files.add(path) : queue.push(path);
  }
  return [...files];
}

describe('what the command line loads', () => {
  let meta: Metafile;
  before(async () => {
    const entryPoints = ['controller/main.ts'];
    // Left out of the bundle, so that a static import of it is seen, and its own state is none of our business.
    const external = ['../serve.ts'];
    const bundle = {
      entryPoints,
      external,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      outdir: 'out',
    } as const;
    ({ metafile: meta } = await build({
      ...bundle,
      absWorkingDir: ROOT,
      write: false,
      metafile: true,
      logLevel: 'silent',
    }));
  });

  test('--version and --help cost commander and nothing else from outside', () => {
    const files = loaded(meta, 'controller/main.ts');
    assert.deepEqual(packages(files), ['commander']);
    for (const builtin of ['node:https', 'node:http', 'node:tls', 'node:readline', 'node:stream'])
      assert.ok(!files.includes(builtin), builtin);
  });

  test('a run costs node:https and nothing of the server: no fastify, no zod, no ws, no SQLite', () => {
    const files = loaded(meta, 'controller/main.ts', 'controller/cli/run-command.ts');
    assert.deepEqual(packages(files), ['commander']);
    assert.ok(files.includes('node:https'));
    // Of an install only the table that says why a host failed.
    const others = files.filter((file) => file !== 'controller/installer/failure.ts');
    const folders = new Set(others.flatMap((file) => /^controller\/(\w+)\//.exec(file)?.[1] ?? []));
    assert.deepEqual([...folders].sort(), ['api', 'cli']);
  });

  test('no command loads the controller before it is asked to serve', () => {
    const commands = Object.keys(meta.inputs).filter((file) =>
      /^controller\/cli\/.*-command\.ts$/.test(file),
    );
    assert.ok(commands.length > 8);
    for (const command of ['controller/main.ts', ...commands]) {
      const files = loaded(meta, command);
      assert.ok(!files.includes('../serve.ts'), `${command} loads the controller before it serves`);
      assert.deepEqual(packages(files), command === 'controller/main.ts' ? ['commander'] : [], command);
    }
  });
});

function packages(files: readonly string[]): string[] {
  return [
    ...new Set(files.flatMap((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? [])),
  ].sort();
}
