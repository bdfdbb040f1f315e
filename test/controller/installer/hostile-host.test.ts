import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostFailure } from '../../../controller/installer/failure.ts';
import { installHost } from '../../../controller/installer/install.ts';
import type { Answer, Connection } from '../../../controller/installer/shell.ts';
import { uninstallHost } from '../../../controller/installer/uninstall.ts';
import type { HostWork, InstallPorts, Registrar } from '../../../controller/installer/work.ts';
import { MUSTER_VERSION } from '../../../proto/version.ts';
import { virtualClock } from '../../support/virtual-clock.ts';
import { entryOf } from '../cli/install/hosts.ts';
import { buildsOf, packedBundle } from './install-stage.ts';
import { probeAnswer, releaseLine, TOOL_LINES } from './probe.ts';

const FLEET = '11'.repeat(16);
const DB = { id: 'dd'.repeat(16), name: 'db-1' };
const HERE = '6fd0eb3a-12a8-4b6e-9d6e-0c5f2c1a9e01';
const PACKED = packedBundle(Buffer.from('an agent'));

/** A host whose owner decides what it answers: to the probe and to `init`; to all else that it went well. */
function hostile(answers: { probe: string; init?: string; programs?: string }) {
  const reply = (script: string): string => {
    if (script.includes('random/boot_id') && !script.includes('tell()'))
      return `${HERE} pid:[1] mnt:[2] 3 4\n`;
    if (script.includes('put clock')) return answers.probe;
    if (script.includes(' init --home')) return answers.init ?? '';
    if (script.includes('&& tell there yes')) return 'there=yes\n';
    if (script.includes('tell note')) return answers.programs ?? '';
    return '';
  };
  const ran: string[] = [];
  const connection: Connection = {
    fingerprint: 'SHA256:x',
    user: 'root',
    gone: new AbortController().signal,
    close: async () => {},
    rootShell: async () => ({
      async run(script): Promise<Answer> {
        ran.push(script);
        return { status: 0, stdout: reply(script), stderr: '' };
      },
    }),
  };
  return { connection, ran };
}

/** A controller that has db-1, online on a machine of its own. */
function controller() {
  const done: string[] = [];
  const registrar: Registrar = {
    async register({ name, replace = false }) {
      done.push(`register ${name}${replace ? ', replacing' : ''}`);
      if (name === DB.name && !replace) throw new HostFailure('name-taken', name);
      return { name, id: 'ee'.repeat(16), labels: {}, created: true, replaced: null };
    },
    labelsOf: async ({ id, name }) => (id === DB.id && name === DB.name ? { role: 'db' } : undefined),
    holder: async (name) => (name === DB.name ? DB.id : undefined),
    isElsewhere: async ({ id }, bootId) => id === DB.id && bootId === HERE,
    label: async ({ name }) => void done.push(`label ${name}`),
    remove: async ({ name }) => void done.push(`remove ${name}`),
    online: async () => {},
    ping: async () => {},
  };
  return { done, registrar };
}

const work = (tell: HostWork['tell'] = () => {}) => ({
  ...{ stop: new AbortController().signal, tell, claim: () => undefined },
});

function portsOf(
  registrar: Registrar,
  connection: Connection,
  settings: Partial<InstallPorts['settings']> = {},
) {
  return {
    settings: { service: 'systemd', proxy: undefined, replace: false, check: false, ...settings },
    trust: {
      fleetId: FLEET,
      rootKeyId: '00',
      urls: ['https://c:7443'],
      documents: [],
      controllerKeyId: '00',
    },
    ...{ builds: buildsOf(PACKED), clock: virtualClock(), by: 'alice@admin-1', registrar },
    connect: async () => connection,
  } as unknown as InstallPorts;
}

const THERE = {
  ...{ slot: 'a', 'release.a': releaseLine(MUSTER_VERSION, PACKED.build.sha512) },
  ...{ launcher: 'yes', running: '77' },
  ...{ 'home.fleet': FLEET, 'home.agent': DB.id, 'home.name': DB.name },
};
const LINES = [
  ...TOOL_LINES,
  'service=ours /etc/systemd/system/muster-agent.service',
  'node=v24.1.0 /usr/bin/node',
];

const identity = (name: string) =>
  `${JSON.stringify({
    ...{ name, id: 'ee'.repeat(16), fleet: FLEET, signKey: 'aa'.repeat(32), boxKey: 'bb'.repeat(32) },
    ...{ epoch: 'cc'.repeat(16), hostname: name, created: true },
  })}\n`;

test("a host that says it is another machine's agent gets no labels set on that one", async () => {
  const { done, registrar } = controller();
  const { connection } = hostile({ probe: probeAnswer(THERE, LINES) });
  const entry = entryOf('web-1', { labels: { role: 'web' } });
  await assert.rejects(installHost(entry, portsOf(registrar, connection), work()), {
    because: 'refused',
    detail: /db-1, which runs on another machine/,
  });
  assert.deepEqual(done, []);
});

test("an uninstall of a host that says it is another machine's agent removes that one not", async () => {
  const { done, registrar } = controller();
  const { connection, ran } = hostile({ probe: probeAnswer({ ...THERE, 'reach.0': undefined }, LINES) });
  const ports = { ...portsOf(registrar, connection), keepPolicy: false };
  await assert.rejects(uninstallHost(entryOf('web-1'), ports, work()), { because: 'refused' });
  assert.deepEqual(done, []);
  assert.ok(!ran.some((script) => script.includes('usage: uninstall')), 'nothing is removed there');
});

test('--replace takes over only a name that the operator gives a host', async () => {
  const node = [...TOOL_LINES, 'node=v24.1.0 /usr/bin/node'];
  const tryAs = async (entry: ReturnType<typeof entryOf>, hostname: string, says = hostname) => {
    const { done, registrar } = controller();
    const { connection } = hostile({ probe: probeAnswer({ hostname }, node), init: identity(says) });
    const ports = portsOf(registrar, connection, { replace: true });
    const failure = await installHost(entry, ports, work()).then(
      () => undefined,
      (error: HostFailure) => error,
    );
    return { failure, done };
  };
  const byAddress = entryOf('10.0.0.7', { name: undefined });
  const own = await tryAs(byAddress, DB.name);
  assert.deepEqual([own.failure?.because, own.done], ['name-taken', []]);
  assert.match(own.failure?.detail ?? '', /for names that you give it/);
  const other = await tryAs(entryOf('web-1'), 'web-1', DB.name);
  assert.deepEqual([other.failure?.because, other.done], ['step', []], other.failure?.message);
  const meant = await tryAs(entryOf(DB.name), 'whatever', DB.name);
  assert.deepEqual([meant.failure, meant.done], [undefined, ['register db-1, replacing']]);
});

test('labels that a host with its agent has not are set, told, and asked for once', async () => {
  const probe = probeAnswer(THERE, LINES);
  const at = async (labels: Record<string, string>, check = false) => {
    const { done, registrar } = controller();
    const here: Registrar = { ...registrar, isElsewhere: async () => false };
    const ports = portsOf(here, hostile({ probe }).connection, { check });
    const result = await installHost(entryOf(DB.name, { labels }), ports, work());
    return { ...result, done };
  };
  const now = await at({ role: 'db', env: 'prod' });
  assert.deepEqual([now.did, now.labels, now.done], ['unchanged', { env: 'prod' }, ['label db-1']]);
  const before = await at({ role: 'db' });
  assert.deepEqual([before.did, before.labels, before.done], ['unchanged', {}, []]);
  const would = await at({ env: 'prod' }, true);
  assert.deepEqual(
    [would.labels, would.plan.at(-1), would.done],
    [{ env: 'prod' }, 'set labels: env=prod', []],
  );
});

test('an agent that waited for an operator is let in by an install, and not taken back', async () => {
  const at = async (isOnline: boolean) => {
    const { done, registrar } = controller();
    const waiting: Registrar = {
      ...registrar,
      register: async (body) => ({ ...(await registrar.register(body)), created: false }),
      async online() {
        if (!isOnline) throw new HostFailure('not-online');
      },
    };
    const node = [...TOOL_LINES, 'node=v24.1.0 /usr/bin/node'];
    const { connection } = hostile({ probe: probeAnswer({}, node), init: identity('web-1') });
    await installHost(entryOf('web-1'), portsOf(waiting, connection), work()).catch(
      ({ because }: HostFailure) => done.push(because),
    );
    return done;
  };
  assert.deepEqual(await at(true), ['register web-1']);
  assert.deepEqual(await at(false), ['register web-1', 'not-online']);
});

test('what a host notes does not flood the operator', async () => {
  const { registrar } = controller();
  const programs = Array.from({ length: 10_000 }, (_, n) => `note=see ${n}\n`).join('');
  const { connection } = hostile({ probe: probeAnswer(THERE, LINES), programs });
  const warnings: string[] = [];
  await installHost(
    entryOf(DB.name),
    portsOf(registrar, connection),
    work((event) => void (event.what === 'warning' && warnings.push(event.text))),
  );
  assert.deepEqual(warnings.slice(-2), ['see 2', 'see 3']);
});
