import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentDetail, AgentSummary } from '../../../controller/api/contract.ts';
import { NOW, stage } from './command-stage.ts';
import type { Handlers } from './fake-api.ts';
import { agentId } from './fake-job.ts';

const agent: AgentSummary = {
  ...{
    name: 'web-1',
    id: agentId('web-1'),
    online: true,
    state: 'active',
    labels: { role: 'web', env: 'prod' },
  },
  ...{ os: 'Debian 12', arch: 'x64', agentVersion: '0.1.0', enrolledAtMs: NOW, lastSeenMs: NOW },
};
const off: AgentSummary = {
  ...agent,
  name: 'db-1',
  online: false,
  labels: {},
  os: null,
  lastSeenMs: NOW - 7_500_000,
};
const never: AgentSummary = { ...off, name: 'new-1', state: 'pending', lastSeenMs: null };

test('agents lists the fleet: who is there, who is not and since when', async (t) => {
  const { muster, out, api } = await stage(t, { 'agents.list': () => [agent, off, never] });
  assert.equal(await muster('agents'), 0);
  assert.equal(
    out(),
    `NAME   STATE    SEEN        OS         AGENT  LABELS
web-1  online   now         Debian 12  0.1.0  env=prod,role=web
db-1   offline  2h 05m ago             0.1.0
new-1  pending  never                  0.1.0
`,
  );
  assert.deepEqual(api.calls[0]?.query, {});
});

test('agents --json prints one array, as the API has it, with or without "ls"', async (t) => {
  for (const argv of [
    ['agents', '--json'],
    ['agents', 'ls', '--json'],
  ]) {
    const { muster, json } = await stage(t, { 'agents.list': () => [agent, off] });
    assert.equal(await muster(...argv), 0);
    assert.deepEqual(json(), [agent, off]);
  }
});

test('agents ls takes targets and a selector', async (t) => {
  const { muster, api } = await stage(t, { 'agents.list': () => [] });
  assert.equal(await muster('agents', '-t', 'web-*', '-l', 'role=web'), 0);
  assert.deepEqual(api.calls[0]?.query, { targets: 'web-*', selector: 'role=web' });
});

test('an empty fleet says how to begin, and is an empty array in JSON', async (t) => {
  const { muster, out, err } = await stage(t, { 'agents.list': () => [] });
  assert.equal(await muster('agents'), 0);
  assert.equal(out(), '');
  assert.match(err(), /"muster install HOST" brings agents to machines/);
  assert.equal(await muster('agents', '--json'), 0);
  assert.equal(out(), '[]\n');
});

test('an agent with hostile labels, system and host name cannot draw on a terminal', async (t) => {
  const bad = 'x\x1b[2J\r\u202e\n';
  const hostile = { ...agent, name: bad, labels: { [bad]: bad }, os: bad, agentVersion: bad };
  const more = {
    keyId: bad,
    claims: { [bad]: bad },
    hostname: bad,
    address: bad,
    onlineSinceMs: NOW,
    clockSkewMs: -1500,
  };
  const { muster, out } = await stage(
    t,
    {
      'agents.list': () => [hostile],
      'agents.show': (): AgentDetail => ({ ...hostile, ...more }),
      'agents.facts': () => ({
        name: bad,
        id: 'x',
        digest: 'x',
        collectedAtMs: NOW,
        facts: { [bad]: { list: [bad] } },
      }),
    },
    { terminal: true },
  );
  for (const argv of [
    ['agents'],
    ['agents', 'show', 'x'],
    ['facts', 'x'],
    ['agents', '--json'],
    ['facts', 'x', '--json'],
  ])
    assert.equal(await muster(...argv), 0);
  assert.doesNotMatch(out(), /[\x1b\r\u202e]/);
  assert.match(out(), /1.5 s behind/);
});

test('facts are one value a line, by the names that selectors use', async (t) => {
  const facts = {
    os: { id: 'debian' },
    cpu: { cores: 4 },
    addresses: [{ address: '10.0.0.1' }, { address: '::1' }],
    virtual: null,
  };
  const { muster, out } = await stage(t, {
    'agents.facts': () => ({ name: 'a', id: 'x', digest: 'd', collectedAtMs: NOW, facts }),
  });
  assert.equal(await muster('facts', 'web-1'), 0);
  assert.equal(
    out(),
    'os.id              debian\ncpu.cores          4\naddresses.address  10.0.0.1\naddresses.address  ::1\nvirtual            null\n',
  );
});

test('labels are set and removed as in kubectl', async (t) => {
  const { muster, out, api } = await stage(t, { 'agents.label': () => ({ labels: { env: 'prod', a: '' } }) });
  assert.equal(await muster('agents', 'label', 'web-1', 'env=prod', 'a=', 'rack-'), 0);
  assert.deepEqual(
    [api.calls[0]?.params, api.calls[0]?.body],
    [{ agent: 'web-1' }, { set: { env: 'prod', a: '' }, remove: ['rack'] }],
  );
  assert.equal(out(), 'a=,env=prod\n');
});

test('what is no label is wrong use before anything is sent', async (t) => {
  const { muster, api } = await stage(t, {});
  for (const change of ['x', '=x', '-', 'a b=c', 'a=b c', `${'k'.repeat(64)}=x`])
    assert.equal(await muster('agents', 'label', 'web-1', '--', change), 2, change);
  assert.equal(await muster('agents', 'label', 'web-1'), 2);
  assert.equal(api.connections(), 0);
});

test('removing an agent is confirmed at a terminal, and not with --yes or in a script', async (t) => {
  const handlers: Handlers = {
    'agents.show': () => ({
      ...agent,
      keyId: 'k',
      claims: {},
      hostname: null,
      address: null,
      onlineSinceMs: null,
      clockSkewMs: null,
    }),
    'agents.remove': () => ({ ok: true }),
  };
  const no = await stage(t, handlers, { terminal: true, answers: ['n'] });
  assert.equal(await no.muster('agents', 'remove', 'web-1'), 2);
  assert.ok(!no.api.calls.some(({ name }) => name === 'agents.remove'));
  assert.match(no.terminal.asked[0]?.[0] ?? '', /Remove web-1 \(online, /);
  for (const [options, argv] of [
    [{ terminal: true, answers: ['y'] }, []],
    [{ terminal: true }, ['--yes']],
    [{}, []],
  ] as const) {
    const { muster, out } = await stage(t, handlers, {
      ...options,
      answers: [...('answers' in options ? options.answers : [])],
    });
    assert.equal(await muster('agents', 'remove', 'web-1', ...argv), 0);
    assert.equal(out(), 'removed web-1\n');
  }
});

test('an agent that waits is approved', async (t) => {
  const { muster, out, api } = await stage(t, { 'agents.approve': () => ({ ok: true }) });
  assert.equal(await muster('agents', 'approve', 'new-1'), 0);
  assert.equal(out(), 'approved new-1\n');
  assert.deepEqual(api.calls[0]?.params, { agent: 'new-1' });
});
