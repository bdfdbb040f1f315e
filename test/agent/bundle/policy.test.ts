import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  OPEN_POLICY,
  type Policy,
  parsePolicy,
  policyProblem,
  wantsOperators,
} from '../../../agent/bundle/policy.ts';
import type { TaskMessage } from '../../../proto/codec.ts';
import { NO_KIND } from '../../support/orders.ts';

const stdin = new Uint8Array(0);
const COMMAND: TaskMessage = { ...NO_KIND, command: { argv: ['true'], stdin } };
const SHELL: TaskMessage = { ...NO_KIND, shell: { line: 'true', stdin } };
const SCRIPT: TaskMessage = { ...NO_KIND, script: { content: stdin, args: [], name: '', stdin } };

const LIMITS_OF_ORDER = {
  ...{ timeoutMs: 1, killGraceMs: 1, outputCapBytes: 1, user: '', cwd: '', nice: 0 },
  env: [] as { name: string; value: string }[],
};

function refuses(policy: Policy, tasks: TaskMessage[], ...signers: ('controller' | 'operator')[]): boolean {
  return policyProblem({ tasks }, signers, policy) !== undefined;
}

describe("a host's policy", () => {
  it('allows everything where there is none', () => {
    assert.equal(refuses(OPEN_POLICY, [COMMAND, SHELL, SCRIPT], 'controller'), false);
    assert.equal(wantsOperators(OPEN_POLICY), false);
  });

  it('denies an order that holds one task of a denied kind, whoever signed it', () => {
    const policy = parsePolicy('{"deny": ["script"]}');
    assert.equal(refuses(policy, [COMMAND, SCRIPT], 'controller', 'operator'), true);
    assert.equal(refuses(policy, [COMMAND, SHELL], 'controller'), false);
  });

  it('wants an operator for every kind, or for some', () => {
    const all = parsePolicy('{"require": "operator"}');
    assert.equal(refuses(all, [COMMAND], 'controller'), true);
    assert.equal(refuses(all, [COMMAND], 'controller', 'operator'), false);
    const some = parsePolicy('{"require": {"shell": "operator"}}');
    assert.equal(refuses(some, [COMMAND], 'controller'), false);
    assert.equal(refuses(some, [COMMAND, SHELL], 'controller'), true);
    assert.equal(wantsOperators(some), true);
  });

  it('keeps the agent as it is, and where it is, or lets operators alone change that', () => {
    const upgrade = {
      ...NO_KIND,
      upgrade: { release: stdin, signatures: [], contents: [], onlineWithinMs: 1 },
    } satisfies TaskMessage;
    const uninstall = { ...NO_KIND, uninstall: { keepPolicy: false } } satisfies TaskMessage;
    const denied = parsePolicy('{"deny": ["upgrade"]}');
    assert.equal(refuses(denied, [upgrade], 'controller', 'operator'), true);
    assert.equal(refuses(denied, [uninstall], 'controller'), false);
    const signed = parsePolicy('{"require": {"upgrade": "operator", "uninstall": "operator"}}');
    for (const task of [upgrade, uninstall]) {
      assert.equal(refuses(signed, [task], 'controller'), true);
      assert.equal(refuses(signed, [task], 'controller', 'operator'), false);
    }
    assert.equal(refuses(signed, [COMMAND], 'controller'), false);
  });

  it('takes what a probe asks, and what takes a change back, for what they are', () => {
    const nothing = { command: null, shell: null, file: null, service: null, packages: null };
    const times = { need: 1, of: 1, everyMs: 1, timeoutMs: 1, withinMs: 1, holdMs: 0 };
    const probeOf = (asked: object): TaskMessage =>
      ({
        ...NO_KIND,
        probe: { ...times, command: null, shell: null, http: null, tcp: null, ...asked },
      }) as TaskMessage;
    const undoneBy = (task: object): TaskMessage => ({
      ...NO_KIND,
      service: { unit: 'x', state: 'started', enabled: null } as never,
      undo: { withinMs: 1, tasks: [{ ...nothing, ...task }] as never },
    });
    const file = { path: '/etc/x', state: 'file' } as never;
    const table: [kind: string, task: TaskMessage][] = [
      ['shell', probeOf({ shell: SHELL.shell })],
      ['command', probeOf({ command: COMMAND.command })],
      ['shell', undoneBy({ shell: SHELL.shell })],
      ['command', undoneBy({ command: COMMAND.command })],
      ['file', undoneBy({ file })],
    ];
    for (const [kind, task] of table) {
      assert.equal(
        refuses(parsePolicy(`{"deny": ["${kind}"]}`), [task], 'controller', 'operator'),
        true,
        kind,
      );
      const signed = parsePolicy(`{"require": {"${kind}": "operator"}}`);
      assert.equal(refuses(signed, [task], 'controller'), true, kind);
      assert.equal(refuses(signed, [task], 'controller', 'operator'), false, kind);
      assert.equal(refuses(parsePolicy('{"deny": ["script"]}'), [task], 'controller'), false, kind);
    }
    const paths = parsePolicy('{"paths": {"write": ["/srv/**"]}}');
    assert.equal(refuses(paths, [undoneBy({ file })], 'controller', 'operator'), true);
  });

  it('takes the line of a guard for what it is, a shell’s', () => {
    const line = { unless: 'id', creates: '' };
    const guarded: TaskMessage = { ...NO_KIND, reboot: { timeoutMs: 1, ifNeeded: false }, guard: line };
    const denied = parsePolicy('{"deny": ["shell"]}');
    assert.equal(refuses(denied, [guarded], 'controller', 'operator'), true);
    assert.equal(
      refuses(denied, [{ ...guarded, guard: { unless: '', creates: '/x' } }], 'controller'),
      false,
    );
    const signed = parsePolicy('{"require": {"shell": "operator"}}');
    assert.equal(refuses(signed, [guarded], 'controller'), true);
    assert.equal(refuses(signed, [guarded], 'controller', 'operator'), false);
  });

  it('takes variables for a shell’s where they decide which commands of the init system run', () => {
    const policy = parsePolicy('{"deny": ["shell"]}');
    const limits = { ...LIMITS_OF_ORDER, env: [{ name: 'PATH', value: '/srv/app' }] };
    const reboot: TaskMessage = { ...NO_KIND, reboot: { timeoutMs: 1, ifNeeded: false } };
    assert.equal(
      policyProblem({ tasks: [reboot], limits: LIMITS_OF_ORDER }, ['operator'], policy),
      undefined,
    );
    assert.match(policyProblem({ tasks: [reboot], limits }, ['operator'], policy) ?? '', /variables/);
    assert.equal(policyProblem({ tasks: [COMMAND], limits }, ['operator'], policy), undefined);
    assert.equal(policyProblem({ tasks: [reboot], limits }, ['operator'], OPEN_POLICY), undefined);
  });

  it('refuses a task of a kind that it does not know', () => {
    assert.equal(refuses(OPEN_POLICY, [NO_KIND], 'controller'), true);
  });

  it('keeps files, trees and archives to the paths that it names, and nothing else', () => {
    const policy = parsePolicy('{"paths": {"write": ["/srv/app/**", "/etc/motd"], "read": ["/var/log/*"]}}');
    const content = { sha512: stdin, length: 0, key: stdin };
    const file = (path: string): TaskMessage => ({
      ...NO_KIND,
      file: { path, state: 'file', inline: stdin, content: null, target: '', owner: '', group: '', mode: 0 },
    });
    const tree = (path: string): TaskMessage => ({
      ...NO_KIND,
      tree: { path, manifest: content, owner: '', group: '' },
    });
    const collect = (path: string): TaskMessage => ({ ...NO_KIND, collect: { path } });
    for (const task of [
      file('/etc/motd'),
      file('/srv/app/x/y'),
      tree('/srv/app'),
      collect('/var/log/x'),
      COMMAND,
    ])
      assert.equal(refuses(policy, [task], 'controller'), false);
    for (const task of [file('/etc/shadow'), file('/srv/application'), tree('/srv'), collect('/etc/shadow')])
      assert.equal(refuses(policy, [COMMAND, task], 'controller', 'operator'), true);
    const written = parsePolicy('{"paths": {"write": []}}');
    assert.equal(refuses(written, [file('/etc/motd')], 'controller'), true);
    assert.equal(refuses(written, [collect('/etc/motd')], 'controller'), false);
  });

  for (const text of [
    '{"paths": []}',
    '{"paths": {"writes": []}}',
    '{"paths": {"write": "/etc"}}',
    '{"paths": {"write": ["etc"]}}',
    '{"paths": {"write": ["/etc/../root"]}}',
    '{"paths": {"write": ["/etc/"]}}',
    '{"paths": {"write": ["/**/x"]}}',
    '{"paths": {"write": ["/etc/a**"]}}',
    '{"paths": {"read": [1]}}',
    '',
    '[]',
    'null',
    '{"requires": "operator"}',
    '{"require": "operators"}',
    '{"require": ["operator"]}',
    '{"require": {"shells": "operator"}}',
    '{"require": {"shell": true}}',
    '{"deny": "script"}',
    '{"deny": ["everything"]}',
    '{"deny": [["script"]]}',
  ])
    it(`is not taken for an open one when it is misread: ${text}`, () =>
      assert.throws(() => parsePolicy(text)));
});
