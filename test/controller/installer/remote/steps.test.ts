import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type Cause, HostFailure } from '../../../../controller/installer/failure.ts';
import { layoutAt } from '../../../../controller/installer/remote/layout.ts';
import { lockText, unlockText } from '../../../../controller/installer/remote/lock.ts';
import { lookText, placeText } from '../../../../controller/installer/remote/place.ts';
import { probeText } from '../../../../controller/installer/remote/probe.ts';
import { parseProbe } from '../../../../controller/installer/remote/probe-answer.ts';
import { programsText } from '../../../../controller/installer/remote/programs.ts';
import { toldBy } from '../../../../controller/installer/remote/script.ts';
import { openrcText, supervisorText } from '../../../../controller/installer/remote/service-files.ts';
import { backText } from '../../../../controller/installer/remote/swap.ts';
import { uninstallText } from '../../../../controller/installer/remote/uninstall.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { requires } from '../../../support/requires.ts';
import { shellConnection } from '../../../support/shell-connection.ts';
import { packedBundle } from '../install-stage.ts';

// busybox: with its own programs before the machine's.
const SHELLS = ['dash', 'busybox sh', 'bash --posix'];
const isBusybox = (shell: string): boolean => shell.startsWith('busybox');

for (const shell of SHELLS)
  describe(`steps by ${shell}`, requires('root', 'dash', 'busybox', 'bash', 'openssl'), () => {
    function stage(t: { after(fn: () => unknown): void }) {
      const root = temporaryFolder(t);
      for (const folder of ['run', 'etc/default', 'var/lib', 'var/log', 'usr'])
        mkdirSync(join(root, folder), { recursive: true });
      const layout = layoutAt(root);
      const programs = join(root, 'programs');
      mkdirSync(programs);
      if (isBusybox(shell)) execFileSync('busybox', ['--install', '-s', programs]);
      const open = async () => {
        const path = isBusybox(shell) ? `${programs}:/usr/sbin:/usr/bin:/sbin:/bin` : '';
        const connection = await shellConnection(t, [], shell, path);
        const { run } = await connection.rootShell();
        return { ...connection, run };
      };
      return { root, layout, open };
    }

    const fails = async (work: Promise<unknown>, because: Cause, detail: RegExp) =>
      assert.rejects(
        work,
        (error) => error instanceof HostFailure && error.because === because && detail.test(error.detail),
      );

    test('one at a time works on a host, and a shell that is gone holds nobody up', async (t) => {
      const { layout, open } = stage(t);
      const [alice, bob] = await Promise.all([open(), open()]);
      const lock = async (who: typeof alice, name: string) =>
        toldBy(await who.run(lockText(layout), { input: Buffer.from(`${name}\n`) }), 'the lock');
      await lock(alice, 'alice@a');
      await fails(lock(bob, 'bob@b'), 'locked', /^by alice@a since \d\d:\d\d:\d\d$/);
      await alice.run(unlockText(layout));
      assert.ok(!existsSync(layout.locks));
      await lock(bob, 'bob@b');
      bob.cut();
      await bob.close();
      await lock(alice, 'alice@a');
      // By now of another process, which began at another time.
      writeFileSync(join(layout.locks, '1.12345'), 'somebody\n');
      const carol = await open();
      await alice.run(unlockText(layout));
      await lock(carol, 'carol@c');
    });

    test('of two at once not both are let in', async (t) => {
      const { layout, open } = stage(t);
      const shells = await Promise.all([open(), open(), open()]);
      for (let round = 0; round < 2; round += 1) {
        const answers = await Promise.all(
          shells.map(({ run }) => run(lockText(layout), { input: Buffer.from('x\n') })),
        );
        assert.ok(answers.filter(({ status }) => status === 0).length <= 1, JSON.stringify(answers));
        for (const { run } of shells) await run(unlockText(layout));
      }
    });

    test('a build is there whole or not at all, and what is there is not sent again', async (t) => {
      const { layout, open } = stage(t);
      const { run } = await open();
      const content = Buffer.from('console.log(1);\n'.repeat(1000));
      const { build } = packedBundle(content);
      const packed = gzipSync(content);
      const place = async (input: Uint8Array, slot: 'a' | 'b' = 'a', node = '/usr/bin/node') =>
        toldBy(await run(placeText({ build, slot, node }, 'gzip', layout), { input }), 'placing');
      const isThere = async () => toldBy(await run(lookText(build, 'a', layout)), 'looking').has('there');

      assert.equal(await isThere(), false);
      await fails(place(packed.subarray(0, 50)), 'copy-damaged', /unexpected end/);
      await fails(place(new Uint8Array()), 'copy-damaged', /./);
      await fails(place(gzipSync('something else')), 'copy-damaged', /digest/);
      assert.ok(!existsSync(layout.slots.a) && !existsSync(`${layout.slots.a}.new`));
      // With quotes in it nothing else comes of it than its name.
      await place(packed, 'a', "/opt/it's; touch /tmp/no/node");
      assert.equal(await isThere(), true);
      assert.equal(readlinkSync(join(layout.slots.a, 'node')), "/opt/it's; touch /tmp/no/node");
      assert.deepEqual(readFileSync(join(layout.slots.a, 'agent.cjs')), content);
      const { mode, uid } = statSync(join(layout.slots.a, 'agent.cjs'));
      assert.deepEqual([mode & 0o777, uid], [0o644, 0]);
      writeFileSync(join(layout.slots.a, 'agent.cjs'), 'damaged');
      assert.equal(await isThere(), false);

      toldBy(await run(programsText('a', '/usr/bin/node', layout)), 'programs');
      assert.equal(readlinkSync(layout.current), 'a');
      await fails(place(packed), 'step', /current/);
      await place(packed, 'b');
      toldBy(await run(backText('b', 'for a test', layout)), 'changing');
      assert.equal(readlinkSync(layout.current), 'b');
      toldBy(await run(backText('a', 'for a test', layout)), 'going back');
      assert.equal(readlinkSync(layout.current), 'a');
    });

    test('programs are written once, and removed with all that belongs to them', async (t) => {
      const { root, layout, open } = stage(t);
      const { run } = await open();
      mkdirSync(layout.slots.a, { recursive: true });
      mkdirSync(layout.bin, { recursive: true });
      const put = async () => toldBy(await run(programsText('a', '/usr/bin/node', layout)), 'programs');
      const first = (await put()).get('changed') ?? [];
      assert.ok(first.includes(layout.launcher) && first.includes(layout.current));
      assert.equal((await put()).get('changed'), undefined);
      assert.equal(readlinkSync(layout.command), layout.launcher);
      assert.equal(statSync(layout.launcher).mode & 0o777, 0o755);
      mkdirSync(layout.home);
      writeFileSync(join(layout.home, 'identity.json'), '{}');
      writeFileSync(layout.settings.debian, 'A=1\n');
      toldBy(await run(`${shell} ${layout.uninstaller}`), 'uninstalling');
      for (const path of [layout.program, layout.home, layout.command, layout.settings.debian])
        assert.ok(!existsSync(path), path);
      assert.ok(existsSync(join(root, 'etc/default')));
      assert.equal((await run(uninstallText(layout))).status, 0, 'again is no failure');
    });

    test('the probe says what is there, changes nothing, and is done in time', async (t) => {
      const { layout, open } = stage(t);
      const { run } = await open();
      const urls = ['https://127.0.0.1:1', 'https://nosuch.invalid:7443'];
      const { stdout, stderr } = await run(probeText(urls, layout), { input: Buffer.from('\n') });
      const probe = parseProbe(stdout, urls.length);
      assert.equal(probe.uid, 0);
      assert.deepEqual(
        probe.reach.map(({ reached }) => reached),
        ['no', 'no'],
        stdout + stderr,
      );
      assert.ok(probe.rooms.program && probe.tools.has('gzip'));
      assert.equal(probe.agent.current, undefined);
      assert.ok(!existsSync(layout.program) && !existsSync(layout.locks));
    });
  });

test(
  'what service managers are given can be read by the shells that there are',
  requires('dash', 'busybox'),
  () => {
    for (const text of [openrcText('/etc/default/muster-agent'), supervisorText('/etc/default/muster-agent')])
      for (const shell of SHELLS) {
        const [program = '', ...words] = shell.split(' ');
        execFileSync(program, [...words, '-n'], { input: text });
      }
  },
);

test('a full disk is told as one', requires('root', 'mounts'), async (t) => {
  const folder = temporaryFolder(t);
  const layout = layoutAt(folder);
  const enter = [
    'unshare',
    '--mount',
    'sh',
    '-c',
    `mount -t tmpfs -o size=1m none ${folder} && exec "$@"`,
    'sh',
  ];
  const { run } = await (await shellConnection(t, enter)).rootShell();
  const content = Buffer.alloc(3_000_000, 'x');
  const { build } = packedBundle(content);
  const answer = await run(placeText({ build, slot: 'a', node: undefined }, 'gzip', layout), {
    input: gzipSync(content),
  });
  assert.throws(
    () => toldBy(answer, 'placing'),
    (error) => error instanceof HostFailure && error.because === 'disk-full',
  );
  const left = await run(`find ${folder} -type f`);
  assert.equal(left.stdout, '', 'what came of it is gone again');
});
