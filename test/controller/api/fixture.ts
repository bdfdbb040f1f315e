import { createServer, type Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import {
  type Actor,
  pathOf,
  ROUTES,
  type Role,
  type RolloutBody,
  type RolloutDetail,
  type RolloutEvent,
  type RolloutPolicy,
  type RolloutSummary,
  type RouteName,
} from '../../../controller/api/contract.ts';
import { SERVER_OPTIONS } from '../../../controller/api/limits.ts';
import type { StorageReply } from '../../../controller/api/messages.ts';
import { type Api, type ApiOptions, createApi } from '../../../controller/api/server.ts';
import type { ApiVerbs, RunEvent } from '../../../controller/api/verbs.ts';
import { type Bus, createBus } from '../../../controller/events.ts';
import { MusterError } from '../../../proto/errors.ts';
import { systemClock } from '../../../proto/system.ts';

export const JOB = '0123456789abcdef0123456789abcdef';
export const AGENT = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
export const OTHER_AGENT = 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb';
export const TOKENS: Record<Role, string> = {
  viewer: 'token-of-the-viewer',
  runner: 'token-of-the-runner',
  admin: 'token-of-the-admin',
};

const PROBE = { every: { need: 2, of: 3, everyMs: 1_000 }, health: { status: 200 } };
/** With everything that may be said. */
export const ROLLOUT_BODY: RolloutBody = {
  ...{ name: 'openssl', targets: 'web-*', selector: 'role=web', order: 'random', seed: 7, reason: 'CVE' },
  change: {
    kind: 'plan',
    title: 'openssl 3.0.2',
    tasks: [{ packages: { action: 'apply' } }],
    plan: {
      ...{ digest: 'ab'.repeat(32), madeAtMs: 1 },
      hosts: [
        {
          ...{ agentIds: [AGENT], wayBack: true, manager: 'apt' },
          changes: [{ name: 'openssl', arch: 'amd64', from: '3.0.1-1', to: '3.0.2-1' }],
        },
      ],
    },
  },
  pre: [{ shell: { line: 'drain' } }],
  post: [{ shell: { line: 'undrain' } }],
  ...{ reboot: 'if-needed', rebootTimeoutMs: 600_000 },
  waves: [
    { name: 'canary', size: '1', gate: { soakMs: 60_000, approval: 'not-starter' } },
    { hosts: 'web-2,web-3', maxFailures: '0' },
    { selector: 'rack=1' },
    { each: 'rack', gate: { success: '95%' } },
    { size: '25%' },
    { rest: true },
  ],
  ...{ maxUnavailable: '10%', maxFailures: '5%', onFailure: 'wave', withoutWayBack: 'refuse', busy: 'wait' },
  probes: [
    { name: 'up', command: { argv: ['systemctl', 'is-active', 'nginx'] }, ...PROBE.every },
    { name: 'line', from: 'host', shell: { line: 'true' }, holdMs: 0 },
    {
      name: 'from here',
      from: 'controller',
      http: { url: 'https://{name}:8443/health?of={address}', ...PROBE.health },
    },
    { name: 'port', from: { targets: 'lb-*' }, tcp: { host: '{address}', port: 443 } },
  ],
  windows: [{ days: ['sat', 'sun'], from: '22:00', to: '04:00', zone: 'Europe/Berlin' }],
  freezes: [{ from: '2026-12-20', to: '2027-01-02T08:00', zone: 'UTC', reason: 'holidays' }],
  ...{ ttlMs: 600_000, timeoutMs: 3_600_000, lifeMs: 604_800_000 },
};

/** A good request of every route; `satisfies` finds the route that has none. */
export const REQUESTS = {
  whoami: {},
  status: {},
  'targets.list': { query: { targets: 'all', seed: 7 } },
  'targets.match': { body: { targets: 'web-*' } },
  'agents.list': { query: { selector: 'role=web' } },
  'agents.show': { params: { agent: 'web-1' } },
  'agents.facts': { params: { agent: 'web-1' } },
  'agents.label': { params: { agent: 'web-1' }, body: { set: { role: 'web' }, remove: ['env'] } },
  'agents.approve': { params: { agent: 'web-1' } },
  'agents.remove': { params: { agent: 'web-1' } },
  'agents.register': {
    body: { name: 'web-1', signKey: 'ab'.repeat(32), boxKey: 'cd'.repeat(32), epoch: 'ef'.repeat(16) },
  },
  'fleet.trust': {},
  'releases.sign': {
    body: { agentVersion: '1.2.3', builds: [{ form: 'bundle', sha512: 'ab'.repeat(64), length: 1 }] },
  },
  'tokens.create': { body: {} },
  'tokens.list': {},
  'tokens.revoke': { params: { id: 'abcd' } },
  'jobs.create': { body: { targets: 'all', tasks: [{ command: { argv: ['uname', '-a'] } }] } },
  'jobs.draft': {
    body: { targets: 'all', tasks: [{ command: { argv: ['true'] } }], signer: 'ab'.repeat(16) },
  },
  'jobs.submit': { params: { job: JOB }, body: { signer: 'ab'.repeat(16), signatures: ['AAAA'] } },
  'jobs.list': {},
  'jobs.show': { params: { job: JOB } },
  'jobs.waiting': { params: { job: JOB } },
  'jobs.cancel': { params: { job: JOB }, body: {} },
  'jobs.prune': { body: { olderThanMs: 86_400_000 } },
  'jobs.events': { params: { job: JOB } },
  'jobs.output': { params: { job: JOB, agent: 'web-1' } },
  'rollouts.check': { body: ROLLOUT_BODY },
  'rollouts.start': { body: ROLLOUT_BODY },
  'rollouts.draft': { body: { ...ROLLOUT_BODY, signer: 'ab'.repeat(16) } },
  'rollouts.submit': { params: { rollout: JOB }, body: { signer: 'ab'.repeat(16), signatures: ['AAAA'] } },
  'rollouts.list': { query: { state: 'open' } },
  'rollouts.show': { params: { rollout: JOB } },
  'rollouts.report': { params: { rollout: JOB } },
  'rollouts.events': { params: { rollout: JOB } },
  'rollouts.pause': { params: { rollout: JOB }, body: {} },
  'rollouts.resume': { params: { rollout: JOB }, body: { reason: 'mended' } },
  'rollouts.approve': { params: { rollout: JOB }, body: { wave: 0 } },
  'rollouts.abort': { params: { rollout: JOB }, body: { cancel: true } },
  'rollouts.rollback': { params: { rollout: JOB }, body: { targets: 'web-1' } },
  'contents.show': { params: { sha512: 'ab'.repeat(64) } },
  'contents.put': { params: { sha512: 'ab'.repeat(64) }, query: { offset: 0, length: 0 } },
  'contents.publish': { params: { sha512: 'ab'.repeat(64) }, body: { ttlMs: 1_000 } },
  'install.build': { params: { sha512: 'ab'.repeat(64) } },
  'operators.add': { body: { name: 'ann', role: 'viewer' } },
  'operators.list': {},
  'operators.revoke': { params: { name: 'ann' } },
  'operators.trust': { params: { name: 'ann' }, body: { publicKey: 'ab'.repeat(32) } },
  'operators.untrust': { params: { name: 'ann' } },
  'jobs.retry': { params: { job: JOB }, body: {} },
  'audit.list': {},
  'audit.verify': {},
  'audit.head': {},
  openapi: {},
  health: {},
  ready: {},
  metrics: {},
  home: {},
} satisfies Record<RouteName, { params?: Record<string, string>; query?: object; body?: object }>;

const ROLLOUT_POLICY: RolloutPolicy = {
  ...{ maxUnavailable: 1, maxFailures: 0, onFailure: 'host', reboot: 'never', busy: 'refuse' },
  ...{ windows: [], freezes: [], expiresAtMs: 9 },
};
const ROLLOUT: RolloutSummary = {
  ...{ rollout: JOB, name: 'openssl', kind: 'plan', title: 'openssl 3.0.2', state: 'running', reason: null },
  ...{ actor: 'ann', createdAtMs: 1, endedAtMs: null, hosts: 1, counts: { change: 1 }, wave: 0, waves: 1 },
};
const ROLLOUT_DETAIL: RolloutDetail = {
  ...ROLLOUT,
  ...{ seq: 0, nowMs: 2, note: null, planDigest: null, policy: ROLLOUT_POLICY },
  ...{ waveDetails: [], hostDetails: [], steps: [], probes: [] },
};

const CONTENT = { sha512: 'ab'.repeat(64), length: 0, have: 0, complete: true, key: 'cd'.repeat(32) };

export const STORAGE: StorageReply = {
  ...{ databaseBytes: 4096, reusableBytes: 0, outputBytes: 12, contentBytes: 7, freeBytes: 1024 },
  ...{ oldestJobAtMs: 1, full: null, keepJobsMs: null, keepOutputMs: 5, maxOutputBytes: 6, reserveBytes: 3 },
};

export const ROUTE_NAMES = Object.keys(ROUTES) as RouteName[];

/** What `inject` needs for a good request of this route, sent by nobody or by an operator of this role. */
export function requestOf(name: RouteName, role?: Role) {
  const request: { params?: Record<string, string>; query?: object; body?: object } = REQUESTS[name];
  return {
    method: ROUTES[name].method,
    url: pathOf(name, request),
    headers: role ? bearer(role) : {},
    ...(request.body ? { payload: request.body } : {}),
  };
}

export const bearer = (role: Role) => ({ authorization: `Bearer ${TOKENS[role]}` });

export const outputEvent = (
  seq: number,
  data: Uint8Array,
  more: { agentId?: string; stream?: 'stderr' } = {},
) =>
  ({
    kind: 'output',
    seq,
    agentId: AGENT,
    attempt: 1,
    stream: 'stdout',
    offset: 0,
    position: 0,
    data,
    atMs: 5,
    ...more,
  }) as const satisfies RunEvent;

/** The history of one job that a test writes. */
export interface FakeHistory {
  events: RunEvent[];
  /** Of a rollout, which has the same id. */
  rollout: RolloutEvent[];
  over: boolean;
  /** Pages that were read so far. */
  reads: number;
}

export interface Called {
  verb: string;
  args: unknown[];
}

/** Verbs that answer something well-formed, remember what they were asked, and know one job, one agent and three operators. */
export function fakeVerbs(history: FakeHistory, calls: Called[]): ApiVerbs {
  const answer =
    <A extends unknown[], R>(verb: string, reply: R) =>
    async (...args: A): Promise<R> => {
      calls.push({ verb, args });
      return reply;
    };
  const summary = {
    name: 'web-1',
    id: AGENT,
    online: true,
    state: 'active',
    labels: {},
    os: 'Debian GNU/Linux 13',
  } as const;
  const agent = { ...summary, arch: 'x64', agentVersion: '0.1.0', enrolledAtMs: 1, lastSeenMs: 2 };
  const detail = {
    keyId: 'ab',
    claims: {},
    hostname: null,
    address: null,
    onlineSinceMs: 1,
    clockSkewMs: null,
  };
  const job = {
    job: JOB,
    state: 'running',
    kind: 'command',
    title: 'uname -a',
    targets: 1,
    actor: 'ann',
  } as const;
  const jobSummary = {
    ...job,
    counts: { running: 1 },
    reason: null,
    createdAtMs: 1,
    expiresAtMs: 2,
    endedAtMs: null,
    outputPrunedAtMs: null,
  };
  const known = <T>(jobId: string, value: T): T => {
    if (jobId !== JOB) throw new MusterError('no-such-job', jobId);
    return value;
  };
  return {
    status: answer('status', {
      version: '0.1.0',
      fleetId: 'ff',
      urls: [],
      timeMs: 1,
      startedAtMs: 1,
      agents: { known: 1, online: 1, pending: 0, quarantined: 0 },
      jobs: { running: 1 },
      rollouts: { open: 1, stopped: 0 },
      trust: { serial: 1, expiresAtMs: 9 },
      rootKeyHere: true,
      storage: STORAGE,
      warnings: [],
    }),
    targets: { match: answer('targets.match', [{ name: 'web-1', id: AGENT, online: true }]) },
    agents: {
      list: answer('agents.list', [agent]),
      async show(nameOrId) {
        calls.push({ verb: 'agents.show', args: [nameOrId] });
        if (nameOrId !== 'web-1' && nameOrId !== AGENT) throw new MusterError('no-such-agent', nameOrId);
        return { ...agent, ...detail };
      },
      label: answer('agents.label', { role: 'web' }),
      approve: answer('agents.approve', undefined),
      remove: answer('agents.remove', undefined),
      register: answer('agents.register', {
        ...{ name: 'web-1', id: AGENT, labels: {}, created: true, replaced: null },
      }),
      facts: answer('agents.facts', { name: 'web-1', id: AGENT, digest: 'aa', collectedAtMs: 1, facts: {} }),
    },
    fleet: {
      trust: answer('fleet.trust', { fleetId: 'ab', rootKeyId: 'cd', urls: [], documents: [] }),
      signRelease: answer('releases.sign', { release: '', signatures: [] }),
    },
    tokens: {
      create: answer('tokens.create', { id: 'abcd', token: 'a-join-token', expiresAtMs: 9 }),
      list: answer('tokens.list', []),
      revoke: answer('tokens.revoke', undefined),
    },
    jobs: {
      create: answer('jobs.create', { job: JOB, targets: [], tasks: ['uname -a'], created: true }),
      draft: answer('jobs.draft', {
        draft: { job: JOB, untilMs: 1, order: Buffer.from('abc'), targets: [] },
      }),
      submit: answer('jobs.submit', { job: JOB, targets: [], tasks: ['uname -a'], created: true }),
      retry: answer('jobs.retry', { job: JOB, targets: [], tasks: ['uname -a'], created: true }),
      cancel: answer('jobs.cancel', { cancelled: 1 }),
      list: answer('jobs.list', [jobSummary]),
      show: async (jobId) =>
        known(jobId, {
          ...{ ...jobSummary, asked: { targets: 'all' }, timeoutMs: 1 },
          ...{ tasks: ['uname -a'], retryOf: null, pace: null, runs: [] },
        }),
      waiting: async (jobId) => known(jobId, { nowMs: 2, expiresAtMs: 3, total: 0, runs: [] }),
      progress: async (jobId) =>
        known(jobId, { attempt: 1, tasks: [], state: 'running', storedBytes: 0, outputPrunedAtMs: null }),
      async events(jobId, afterSeq, limit) {
        history.reads++;
        const events = history.events.filter((event) => event.seq > afterSeq).slice(0, limit);
        return known(jobId, { events, over: history.over });
      },
    },
    rollouts: {
      check: answer('rollouts.check', { hosts: 1, policy: ROLLOUT_POLICY, waves: [], warnings: [] }),
      start: answer('rollouts.start', { rollout: JOB, created: true, hosts: 1, waves: 1 }),
      draft: answer('rollouts.draft', {
        draft: { rollout: JOB, untilMs: 1, soaksMs: [0], orders: [], targets: [] },
      }),
      submit: answer('rollouts.submit', { rollout: JOB, created: true, hosts: 1, waves: 1 }),
      list: answer('rollouts.list', [ROLLOUT]),
      show: answer('rollouts.show', ROLLOUT_DETAIL),
      report: answer('rollouts.report', {
        ...{ rollout: ROLLOUT_DETAIL, events: [], hosts: [], madeAtMs: 1, auditHead: null },
      }),
      async events(rollout, afterSeq, limit) {
        known(rollout, undefined);
        const events = history.rollout.filter((event) => event.seq > afterSeq).slice(0, limit);
        return { events, over: history.over };
      },
      pause: answer('rollouts.pause', ROLLOUT),
      resume: answer('rollouts.resume', ROLLOUT),
      approve: answer('rollouts.approve', ROLLOUT),
      abort: answer('rollouts.abort', ROLLOUT),
      rollback: answer('rollouts.rollback', ROLLOUT),
    },
    contents: {
      show: answer('contents.show', CONTENT),
      put: answer('contents.put', CONTENT),
      publish: answer('contents.publish', { sha512: 'ab', length: 1, untilMs: 1 }),
      download: answer('contents.download', {
        length: 3,
        async *pieces(from) {
          yield Buffer.from('abc').subarray(from);
        },
      }),
    },
    retention: { prune: answer('retention.prune', { jobs: 2, outputBytes: 5, more: false }) },
    operators: {
      add: answer('operators.add', { id: 'abcd', token: 'an-api-token' }),
      list: answer('operators.list', []),
      revoke: answer('operators.revoke', { revokedKeys: [], trustedKeys: [] }),
      trust: answer('operators.trust', { keyId: 'ab' }),
      untrust: answer('operators.untrust', { revokedKeys: ['ab'] }),
      async authenticate(token) {
        const found = (Object.entries(TOKENS) as [Role, string][]).find(([, known]) => known === token);
        return found ? ({ name: `the ${found[0]}`, role: found[0] } satisfies Actor) : undefined;
      },
    },
    audit: {
      list: answer('audit.list', []),
      verify: answer('audit.verify', {
        ok: true,
        checked: 0,
        head: null,
        firstBad: null,
        tailChecked: false,
      }),
      head: answer('audit.head', { seq: 1, hash: 'aa', atMs: 1, keyId: null, signature: null }),
    },
    figures: answer('figures', {
      agents: [{ state: 'active', online: true, count: 1 }],
      runs: { running: 1 },
      jobs: { running: 1, over: 0 },
      rollouts: { open: 1, stopped: 0 },
      commits: 3,
      storage: STORAGE,
    }),
  };
}

export interface World {
  api: Api;
  server: Server | SecureServer;
  bus: Bus;
  verbs: ApiVerbs;
  history: FakeHistory;
  calls: Called[];
  /** Every log line, at every level. */
  lines: string[];
  /** Tells the readers of the job that there is more. */
  changed(): void;
  listen(): Promise<URL>;
  close(): Promise<void>;
}

/** The real API over fake verbs; close it. */
export async function createWorld(more: Partial<ApiOptions> = {}): Promise<World> {
  const history: FakeHistory = { events: [], rollout: [], over: true, reads: 0 };
  const calls: Called[] = [];
  const lines: string[] = [];
  const bus = createBus({
    onError: (error) => {
      throw error;
    },
  });
  const server: Server | SecureServer = more.server ?? createServer(SERVER_OPTIONS);
  const verbs = fakeVerbs(history, calls);
  const api = await createApi({
    verbs,
    bus,
    clock: systemClock,
    log: pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) }),
    server,
    version: '0.1.0',
    checks: {},
    probe: { read: () => ({ residentBytes: 1, loopDelay: { p50Ms: 1, p99Ms: 2, maxMs: 3 } }) },
    ...more,
  });
  return {
    api,
    server,
    bus,
    verbs,
    history,
    calls,
    lines,
    changed: () => bus.emit({ type: 'job-changed', jobId: JOB }),
    async listen() {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    },
    async close() {
      await api.stop();
      if (!server.listening) return;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Polls, with an end, what no event tells. */
export async function until(holds: () => boolean, what: string, withinMs = 5_000): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + withinMs;
  while (!holds()) {
    if (systemClock.monotonicMs() > deadlineMs) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => systemClock.after(5, () => resolve(undefined)));
  }
}
