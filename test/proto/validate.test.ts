/** Shape: each row is one thing wrong with a valid message. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Hello,
  type Message,
  Order,
  type OrderMessage,
  ProofBody,
  Report,
  type TaskMessage,
  WelcomeBody,
} from '../../proto/codec.ts';
import type { ErrorCode } from '../../proto/errors.ts';
import { LIMITS } from '../../proto/limits.ts';
import {
  checkHello,
  checkOutput,
  checkProofBody,
  checkReport,
  checkStatus,
  checkWelcomeBody,
  isTime,
} from '../../proto/validate.ts';
import { checkOrder } from '../../proto/validate-order.ts';
import { NO_KIND } from '../support/orders.ts';
import { cancelOrder, counting, refused, runOrder } from './fixture.ts';
import { SIGNED, TREE } from './signed.ts';

const sample = (name: string): Uint8Array => SIGNED[name] ?? assert.fail(name);

/** One table per message: the valid one passes, and each change is refused with `code`. */
function table<T extends object>(
  what: string,
  code: ErrorCode,
  check: (message: T) => void,
  valid: T,
  rows: readonly (readonly [string, Partial<T>])[],
): void {
  test(`a valid ${what} has the shape`, () => check(valid));
  for (const [wrong, change] of rows)
    test(`a ${what} with ${wrong} is ${code}`, () => {
      // A generated message keeps its defaults on its prototype; a copy must keep them too.
      const copy = Object.assign(Object.create(valid), change) as T;
      refused(code, () => check(copy));
    });
}

table('hello', 'malformed', checkHello, Hello.decode(sample('hello')), [
  ['no versions', { versions: [] }],
  ['17 versions', { versions: Array(17).fill(1) }],
  ['a fleet id of 15 bytes', { fleetId: counting(0, 15) }],
  ['an agent id of 17 bytes', { agentId: counting(0, 17) }],
  ['no root', { rootKeyId: new Uint8Array() }],
  ['a nonce of 31 bytes', { nonce: counting(0, 31) }],
  ['an ephemeral key of 33 bytes', { ephemeral: counting(0, 33) }],
  ['no purpose', { purpose: '' }],
  ['another purpose', { purpose: 'admin' }],
]);

table('welcome', 'malformed', checkWelcomeBody, WelcomeBody.decode(sample('welcome body')), [
  ['no nonce', { nonce: new Uint8Array() }],
  ['a short ephemeral key', { ephemeral: counting(0, 31) }],
  ['a key id of 32 bytes', { controllerKeyId: counting(0, 32) }],
  ['a time past all dates', { timeMs: 8.64e15 + 1 }],
]);

table('proof', 'malformed', checkProofBody, ProofBody.decode(sample('proof body')), [
  ['a short epoch', { epoch: counting(0, 15) }],
  ['a short instance', { instance: counting(0, 15) }],
  ['no counter', { counter: 0 }],
  ['a boot id of 65 characters', { bootId: 'a'.repeat(65) }],
  ['a terminal escape in its boot id', { bootId: '\x1b[2J' }],
  ['a newline in its version', { agentVersion: '1\n2' }],
  ['a C1 control in its version', { agentVersion: '\x9b' }],
  ['a digest of 16 bytes', { factsDigest: counting(0, 16) }],
  ['a clock past all dates', { wallMs: 8.64e15 + 1 }],
]);

const STATUS: Message<'Status'> = {
  jobId: counting(0, 16),
  orderHash: counting(0, 32),
  attempt: 1,
  state: 'refused',
  code: 'order-expired',
  detail: '',
  atMs: 1,
  task: 0,
};
table('status', 'malformed', checkStatus, STATUS, [
  ['a short job id', { jobId: counting(0, 15) }],
  ['a short hash', { orderHash: counting(0, 31) }],
  ['a terminal state', { state: 'succeeded' }],
  ['a long code', { code: 'a'.repeat(65) }],
  ['a long detail', { detail: 'a'.repeat(LIMITS.reasonBytes + 1) }],
  ['a time past all dates', { atMs: 9e15 }],
]);

const OUTPUT: Message<'Output'> = {
  jobId: counting(0, 16),
  attempt: 1,
  stream: 'stdout',
  offset: 0,
  position: 0,
  data: counting(0, 1),
};
table('piece of output', 'malformed', checkOutput, OUTPUT, [
  ['a short job id', { jobId: counting(0, 15) }],
  ['attempt 0', { attempt: 0 }],
  ['another stream', { stream: 'stdin' }],
  ['no data', { data: new Uint8Array() }],
  ['64 KiB and one byte', { data: new Uint8Array(LIMITS.outputFrameBytes + 1) }],
]);

const REPORT = Report.decode(sample('report'));
const RESULT = REPORT.tasks[0] ?? assert.fail();
const SUMMARY = REPORT.output ?? assert.fail();
table('report', 'malformed', checkReport, REPORT, [
  ['a short fleet id', { fleetId: counting(0, 15) }],
  ['a short agent id', { agentId: counting(0, 15) }],
  ['a short epoch', { epoch: counting(0, 15) }],
  ['number 0', { reportSeq: 0 }],
  ['a short previous hash', { previous: counting(0, 31) }],
  ['a short job id', { jobId: counting(0, 15) }],
  ['a short order hash', { orderHash: counting(0, 31) }],
  ['a state that is not the end', { state: 'running' }],
  ['a state that only the controller gives', { state: 'lost' }],
  ['a long reason', { reason: 'a'.repeat(LIMITS.reasonBytes + 1) }],
  ['257 tasks', { tasks: Array(257).fill(RESULT) }],
  ['a task in a state that is none', { tasks: [{ ...RESULT, state: 'lost' }] }],
  ['a task with a long signal', { tasks: [{ ...RESULT, signal: 'S'.repeat(17) }] }],
  ['no summary of its output', { output: null }],
  ['a digest of 32 bytes', { output: { ...SUMMARY, sha512: counting(0, 32) } }],
  ['more stored than written', { output: { ...SUMMARY, length: 5, stored: 6 } }],
  ['a start past all dates', { startedAtMs: 9e15 }],
  ['an end past all dates', { endedAtMs: 9e15 }],
]);

const RUN = Order.decode(Order.encode(runOrder(TREE)));
const LIMITS_OF_RUN = RUN.limits ?? assert.fail();
const RETRY = RUN.retry ?? assert.fail();
const CANCEL = Order.decode(Order.encode(cancelOrder()));

const limits = (change: Partial<NonNullable<OrderMessage['limits']>>): Partial<OrderMessage> => ({
  limits: Object.assign(Object.create(LIMITS_OF_RUN), change),
});
const task = (one: Partial<TaskMessage>): Partial<OrderMessage> => ({
  tasks: [{ ...NO_KIND, ...one }],
});
const stdin = new Uint8Array();
const command = (...argv: string[]): Partial<OrderMessage> => task({ command: { argv, stdin } });
const script = (change: Partial<NonNullable<TaskMessage['script']>>): Partial<OrderMessage> =>
  task({ script: { content: counting(0, 1), args: [], name: '', stdin, ...change } });

const content = { sha512: counting(0, 64), length: 1, key: counting(0, 32) };
const NO_FILE: NonNullable<TaskMessage['file']> = {
  path: '/a',
  state: 'file',
  inline: stdin,
  content: null,
  target: '',
  owner: '',
  group: '',
  mode: 0,
};
const file = (change: Partial<typeof NO_FILE>): Partial<OrderMessage> =>
  task({ file: { ...NO_FILE, ...change } });
const service = (change: object): Partial<OrderMessage> =>
  task({ service: { unit: 'a.service', state: 'started', enabled: '', ...change } });
const TREE_TASK = { path: '/a', manifest: content, owner: '', group: '' };

table('tasks that change files', 'order-malformed', checkOrder, RUN, [
  ['a relative path', file({ path: 'etc/motd' })],
  ['a path with ".."', file({ path: '/etc/../motd' })],
  ['a path with "//"', file({ path: '/etc//motd' })],
  ['a path with a slash behind it', file({ path: '/etc/' })],
  ['a path with a NUL', file({ path: '/a\0b' })],
  ['a state of its own', file({ state: 'fifo' })],
  ['content for a folder', file({ state: 'directory', content })],
  ['content twice', file({ inline: counting(0, 1), content })],
  ['a short digest', file({ content: { ...content, sha512: counting(0, 63) } })],
  ['a short key', file({ content: { ...content, key: counting(0, 31) } })],
  ['content past the cap', file({ content: { ...content, length: LIMITS.contentMaxBytes + 1 } })],
  ['a link to nothing', file({ state: 'link' })],
  ['a target for a file', file({ target: '/b' })],
  ['an owner with a newline', file({ owner: 'a\nb' })],
  ['a mode past 07777', file({ mode: 0o10000 })],
  ['a tree without a manifest', task({ tree: { ...TREE_TASK, manifest: null } })],
  ['a tree at a relative path', task({ tree: { ...TREE_TASK, path: 'a' } })],
  ['a unit that is an option', service({ unit: '--root=/' })],
  ['a unit with a slash', service({ unit: '../a' })],
  ['a service that is to be nothing', service({ state: '' })],
  ['a service that is to be masked', service({ state: 'masked' })],
  ['a service that is perhaps enabled', service({ enabled: 'perhaps' })],
  ['a reboot in no time', task({ reboot: { timeoutMs: 0, ifNeeded: false } })],
  ['a reboot of two days', task({ reboot: { timeoutMs: 2 * 86_400_000, ifNeeded: false } })],
  ['a relative path to collect', task({ collect: { path: 'a' } })],
  [
    'a guard of nothing',
    task({ reboot: { timeoutMs: 1, ifNeeded: false }, guard: { unless: '', creates: '' } }),
  ],
  [
    'a guard at a relative path',
    task({ reboot: { timeoutMs: 1, ifNeeded: false }, guard: { unless: '', creates: 'a' } }),
  ],
  ['a niceness past 19', limits({ nice: 20 })],
]);

const UPGRADE: OrderMessage = {
  ...RUN,
  ...limits({ env: [] }),
  kind: 'upgrade',
  ...task({
    upgrade: {
      release: counting(0, 8),
      signatures: [{ keyId: counting(0, 16), signature: counting(0, 64) }],
      contents: [content],
      onlineWithinMs: 1,
    },
  }),
};
const [UPGRADE_TASK = assert.fail()] = UPGRADE.tasks;

const UNDO = {
  withinMs: 1,
  tasks: [
    {
      command: null,
      shell: { line: 'id', stdin: new Uint8Array(0) },
      file: null,
      service: null,
      packages: null,
    },
  ],
};

table('upgrade', 'order-malformed', checkOrder, UPGRADE, [
  ['two tasks', { tasks: [UPGRADE_TASK, UPGRADE_TASK] }],
  ['the kind of another', { kind: 'run' }],
  ['a line that takes it back', { tasks: [{ ...UPGRADE_TASK, undo: UNDO }] }],
  ['a line as its guard', { tasks: [{ ...UPGRADE_TASK, guard: { unless: 'id', creates: '' } }] }],
  ['variables', limits({ env: [{ name: 'NODE_OPTIONS', value: '--import=data:text/javascript,' }] })],
  [
    'no build',
    { tasks: [{ ...UPGRADE_TASK, upgrade: { ...(UPGRADE_TASK.upgrade ?? assert.fail()), contents: [] } }] },
  ],
]);

table('run', 'order-malformed', checkOrder, RUN, [
  ['a short fleet id', { fleetId: counting(0, 15) }],
  ['a short job id', { jobId: counting(0, 15) }],
  ['no kind', { kind: '' }],
  ['a kind of 33 characters', { kind: 'a'.repeat(33) }],
  ['a short root', { targetsRoot: counting(0, 31) }],
  ['no targets', { targetsCount: 0 }],
  ['more targets than a tree has', { targetsCount: LIMITS.targetsPerOrder + 1 }],
  ['an end at its beginning', { expiresAtMs: RUN.notBeforeMs }],
  ['an end past all dates', { expiresAtMs: 9e15 }],
  ['a signing past all dates', { signedAtMs: 9e15 }],
  ['a reason of 501 characters', { reason: 'a'.repeat(501) }],
  ['no tasks', { tasks: [] }],
  ['257 tasks', { tasks: Array(257).fill(RUN.tasks[0]) }],
  ["a cancel's part", { cancel: CANCEL.cancel }],
  ['no limits', { limits: null }],
  ['no timeout', limits({ timeoutMs: 0 })],
  ['a timeout of more than 30 days', limits({ timeoutMs: LIMITS.timeoutMaxMs + 1 })],
  ['a kill grace of more than ten minutes', limits({ killGraceMs: LIMITS.killGraceMaxMs + 1 })],
  ['an output cap past a gibibyte', limits({ outputCapBytes: LIMITS.outputCapMaxBytes + 1 })],
  ['a newline in its user', limits({ user: 'root\n' })],
  ['a user of 257 characters', limits({ user: 'a'.repeat(257) })],
  ['a NUL in its folder', limits({ cwd: '/tmp\0/etc' })],
  ['257 variables', limits({ env: Array(257).fill({ name: 'A', value: '' }) })],
  ['a variable with an equals sign in its name', limits({ env: [{ name: 'A=B', value: '' }] })],
  ['a variable without a name', limits({ env: [{ name: '', value: '' }] })],
  ['a variable that begins with a digit', limits({ env: [{ name: '1A', value: '' }] })],
  ['a NUL in a variable', limits({ env: [{ name: 'A', value: 'a\0b' }] })],
  ['no retry', { retry: null }],
  ['another retry', { retry: { ...RETRY, policy: 'always' } }],
  ['no attempts', { retry: { policy: 'safe', attempts: 0 } }],
  ['101 attempts', { retry: { policy: 'safe', attempts: 101 } }],
  ['a task of no kind', task({})],
  ['a task of two kinds', task({ command: { argv: ['a'], stdin }, shell: { line: 'a', stdin } })],
  ['a command without arguments', command()],
  ['a command without a name', command('', 'a')],
  ['a NUL in an argument', command('a', 'b\0c')],
  ['4,097 arguments', command(...Array<string>(4097).fill('a'))],
  ['an argument past 128 KiB', command('a', 'b'.repeat(LIMITS.argBytes + 1))],
  ['an empty line for the shell', task({ shell: { line: '', stdin } })],
  ['a NUL for the shell', task({ shell: { line: 'a\0b', stdin } })],
  ['an empty script', script({ content: stdin })],
  ['a script past its cap', script({ content: new Uint8Array(LIMITS.scriptBytes + 1) })],
  ['a newline in the name of a script', script({ name: 'a\nb' })],
  ['a NUL in an argument of a script', script({ args: ['a\0b'] })],
  ['stdin past its cap', task({ command: { argv: ['a'], stdin: new Uint8Array(LIMITS.stdinBytes + 1) } })],
]);

table('cancel', 'order-malformed', checkOrder, CANCEL, [
  ['tasks', { tasks: RUN.tasks }],
  ['targets', { targetsCount: 1 }],
  ['a root', { targetsRoot: counting(0, 32) }],
  ['nothing that it cancels', { cancel: null }],
  ['a short job id inside', { cancel: { ...(CANCEL.cancel ?? assert.fail()), jobId: counting(0, 15) } }],
  ['a short hash inside', { cancel: { ...(CANCEL.cancel ?? assert.fail()), orderHash: counting(0, 31) } }],
  ['an end past all dates inside', { cancel: { ...(CANCEL.cancel ?? assert.fail()), expiresAtMs: 9e15 } }],
]);

test('what a shell, a script and a command need is let through: newlines, quotes, escapes, other scripts', () => {
  const odd = 'printf "%s\\n" "$(date)" | tee \'ä\u{1f600}\' \x1b[0m\n\ttrue';
  for (const change of [
    task({ shell: { line: odd, stdin } }),
    command('sh', '-c', odd, ''),
    script({ args: [odd] }),
  ])
    checkOrder(Object.assign(Object.create(RUN), change) as OrderMessage);
});

test('a time is what a Date can hold', () => {
  assert.ok(isTime(8.64e15));
  assert.ok(new Date(8.64e15).toISOString());
  assert.ok(!isTime(8.64e15 + 1));
  assert.throws(() => new Date(8.64e15 + 1).toISOString(), RangeError);
});

test('the largest order and the largest trust document fit into the frames that carry them', () => {
  // Wrap, proof and params of one agent beside 17 chunks.
  const deliver = LIMITS.signedOrderBytes + 17 * 16 + LIMITS.paramsBytes + LIMITS.proofHashes * 34 + 1024;
  assert.ok(deliver < LIMITS.frameBytes);
  assert.ok(LIMITS.trustDocumentBytes + LIMITS.signaturesPerOrder * 90 < LIMITS.preambleBytes);
  assert.ok(LIMITS.outputFrameBytes < LIMITS.outputWindowBytes && LIMITS.reportBytes < LIMITS.frameBytes);
  assert.ok(LIMITS.stdinBytes < LIMITS.orderBytes && LIMITS.scriptBytes < LIMITS.orderBytes);
  assert.equal(2 ** LIMITS.proofHashes, LIMITS.targetsPerOrder);
  assert.ok(LIMITS.keepAliveDeadMs > 2 * LIMITS.keepAliveMs && LIMITS.keepAliveDeadMs <= 45_000);
});
