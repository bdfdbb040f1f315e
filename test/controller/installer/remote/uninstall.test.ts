import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { type Layout, layoutAt } from '../../../../controller/installer/remote/layout.ts';
import { uninstallText } from '../../../../controller/installer/remote/uninstall.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { requires } from '../../../support/requires.ts';
import { until } from '../../../support/until.ts';

interface Stage {
  readonly layout: Layout;
  /** What the made-up programs of the service managers were told. */
  told(): string;
  run(script: string, ...args: string[]): { status: number | null; stderr: string };
}

/** An installed agent below a folder, on a machine whose service managers are made up. */
function stage(t: TestContext): Stage {
  const root = temporaryFolder(t);
  const layout = layoutAt(join(root, 'host'));
  const bin = join(root, 'bin');
  const log = join(root, 'told');
  mkdirSync(bin);
  for (const name of ['systemctl', 'rc-service', 'rc-update'])
    writeFileSync(join(bin, name), `#!/bin/sh\necho ${name} "$@" >>${log}\n`, { mode: 0o755 });
  const put = (path: string, content = 'x'): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  };
  for (const path of [
    ...[`${layout.slots.a}/agent.cjs`, layout.launcher, layout.uninstaller, layout.systemdUnit],
    ...[layout.openrcScript, layout.settings.debian, layout.settings.redhat, layout.log],
    ...[`${layout.home}/identity.json`, `${layout.home}/policy.json`, `${layout.home}/runs/1/out`],
    ...[`${layout.home}/.hidden`, `${layout.systemdUnit}.d/own.conf`],
  ])
    put(path);
  symlinkSync('a', layout.current);
  mkdirSync(dirname(layout.command), { recursive: true });
  symlinkSync(layout.launcher, layout.command);
  return {
    layout,
    told: () => (existsSync(log) ? readFileSync(log, 'utf8') : ''),
    run(script, ...args) {
      const env = { PATH: `${bin}:${process.env.PATH}` };
      const { status, stderr } = spawnSync('/bin/sh', ['-s', '--', ...args], {
        ...{ input: script, env, encoding: 'utf8' },
      });
      return { status, stderr };
    },
  };
}

function left(layout: Layout): string[] {
  const root = dirname(dirname(layout.program));
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => !lstatSync(join(root, path)).isDirectory())
    .sort();
}

const has = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

describe('the script that removes an agent', { ...requires('root') }, () => {
  test('leaves nothing, and says nothing where there is nothing any more', (t) => {
    const at = stage(t);
    assert.deepEqual(at.run(uninstallText(at.layout)), { status: 0, stderr: '' });
    assert.deepEqual(left(at.layout), []);
    assert.match(at.told(), /systemctl --quiet disable muster-agent/);
    const openrc = at
      .told()
      .split('\n')
      .filter((line) => line.startsWith('rc-'));
    assert.deepEqual(openrc, [
      'rc-service --quiet muster-agent stop',
      'rc-update --quiet del muster-agent default',
    ]);
    assert.deepEqual(at.run(uninstallText(at.layout)), { status: 0, stderr: '' });
    assert.deepEqual(left(at.layout), []);
  });

  test('leaves the policy where that is asked, also when it is begun again without being asked', (t) => {
    const at = stage(t);
    const text = uninstallText(at.layout);
    const cut = text.replace(/^if \[ -n "\$keep"/m, 'exit 9\n$&');
    assert.equal(at.run(cut, '--keep-policy').status, 9);
    assert.equal(at.run(text).status, 0);
    assert.deepEqual(left(at.layout), ['var/lib/muster-agent/policy.json']);
  });

  test('needs no room on the disk', requires('mounts'), (t) => {
    const at = stage(t);
    const { program } = at.layout;
    const opt = dirname(program);
    cpSync(program, `${at.layout.home}/kept`, { recursive: true, verbatimSymlinks: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'none', opt]);
    try {
      cpSync(`${at.layout.home}/kept`, program, { recursive: true, verbatimSymlinks: true });
      assert.throws(() => writeFileSync(join(opt, 'full'), Buffer.alloc(1 << 20)), { code: 'ENOSPC' });
      assert.deepEqual(at.run(uninstallText(at.layout), '--keep-policy'), { status: 0, stderr: '' });
      assert.deepEqual(readdirSync(opt), ['full']);
    } finally {
      execFileSync('umount', [opt]);
    }
    assert.ok(has(`${at.layout.home}/policy.json`));
  });

  test('leaves alone a command of that name that is not its own', (t) => {
    const at = stage(t);
    const other = stage(t);
    writeFileSync(join(dirname(at.layout.command), 'other'), '');
    assert.equal(at.run(uninstallText({ ...at.layout, command: other.layout.command })).status, 0);
    assert.ok(has(other.layout.command));
  });

  test('waits for no process that has ended and that nobody reaped, as in a container without an init', async (t) => {
    const at = stage(t);
    const parent = spawn('/bin/sh', ['-c', 'sleep 0.5 & echo $!; exec sleep 1000']);
    t.after(() => parent.kill('SIGKILL'));
    const [pid] = (await once(parent.stdout, 'data')).map(Number);
    const stat = (): string[] => readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ');
    await until('it has ended', () => stat()[2] === 'Z');
    const since = stat()[21];
    mkdirSync(dirname(at.layout.pidFile), { recursive: true });
    writeFileSync(at.layout.pidFile, `${pid} ${since}\n`);
    writeFileSync(join(at.layout.home, 'status.json'), `{"pid":${pid},"startTicks":"${since}"}`);
    assert.deepEqual(at.run(uninstallText(at.layout)), { status: 0, stderr: '' });
    assert.deepEqual(left(at.layout), []);
  });

  test('does nothing for words that it does not know', (t) => {
    const at = stage(t);
    const before = left(at.layout);
    for (const words of [['--keep-home'], ['now'], ['--help']]) {
      const { status, stderr } = at.run(uninstallText(at.layout), ...words);
      assert.deepEqual([status, /usage/.test(stderr)], [2, true]);
    }
    assert.deepEqual(left(at.layout), before);
  });

  // A power cut between any two of its statements.
  const lines = uninstallText(layoutAt('/')).split('\n');
  const begin = lines.indexOf('cd /');
  for (const [number, line] of lines.entries()) {
    if (number <= begin || !/^(?:if|rm|status=)/.test(line)) continue;
    test(`that was cut off before "${line.slice(0, 60)}…" is carried on with by whatever starts the agent`, (t) => {
      const at = stage(t);
      const { layout } = at;
      const text = uninstallText(layout).split('\n');
      const cut = [...text.slice(0, number), 'exit 9', ...text.slice(number)].join('\n');
      assert.equal(at.run(cut).status, 9);
      const rest = [layout.home, layout.command, layout.settings.debian, layout.log].filter(has);
      if (rest.length > 0 && number > begin + 1) {
        assert.ok(has(layout.removing), `nothing says that it was begun, and there is ${rest}`);
        for (const starts of [layout.systemdUnit, layout.launcher, layout.uninstaller])
          assert.ok(has(starts), `${starts} is gone, and there is ${rest}`);
      }
      if (has(layout.systemdUnit) || has(layout.openrcScript)) assert.ok(has(layout.launcher));
      assert.equal(at.run(uninstallText(layout)).status, 0);
      assert.deepEqual(left(layout), []);
    });
  }
});
