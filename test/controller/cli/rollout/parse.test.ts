import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ParsedRollout, parseRollout } from '../../../../controller/cli/rollout/parse.ts';

const parse = (text: string | Uint8Array) => parseRollout(Buffer.from(text));

function rolloutOf(text: string): ParsedRollout {
  const parsed = parse(text);
  if ('problems' in parsed) throw new Error(problemsOf(text).join('\n'));
  return parsed.rollout;
}

/** As an operator sees them, without the file's name. */
function problemsOf(text: string | Uint8Array): string[] {
  const parsed = parse(text);
  assert.ok('problems' in parsed, 'it was taken');
  return parsed.problems.map(
    ({ line, path, message }) => `${line}: ${path === '' ? '' : `${path}: `}${message}`,
  );
}

test('a rollout file becomes what the API has', () => {
  const { frame, change, steps } = rolloutOf(`
name: november
change: { plan: plan.json, config-files: replace, lock-wait: 10m }
targets: [ "web-*", "!web-9" ]
selector: env=prod
waves:
  - { canary: 1, gate: { soak: 10m, approval: not-starter }, max-failures: 0 }
  - 10%
  - 3
  - { size: 50%, name: half, gate: { success: 98% } }
  - { hosts: "db-1,db-2" }
  - { selector: "rack=a" }
  - { each: rack }
  - rest
max-unavailable: 10%
max-failures: 2
on-failure: wave
without-way-back: go-on
reboot: always
reboot-timeout: 5m
order: random
seed: 7
busy: wait
ttl: 1h
timeout: 2h
life: 3d
reason: monthly
pre: [ { shell: drain } ]
post: { bundle: undrain.yaml }
probes:
  - { name: here, shell: app health, need: 2, of: 3 }
  - { name: outside, from: controller, http: "http://{address}:80/{name}" }
  - { name: elsewhere, from: { selector: role=mon }, tcp: "db.example:5432" }
windows:
  - { days: [mon..wed, sat], from: "22:00", to: "04:00", zone: Europe/Berlin }
freezes:
  - { from: "2026-12-20", to: "2027-01-02T06:00", zone: UTC, reason: holidays }
`);
  assert.deepEqual(frame, {
    ...{ name: 'november', targets: 'web-*,!web-9', selector: 'env=prod' },
    waves: [
      { name: 'canary', size: '1', maxFailures: '0', gate: { soakMs: 600_000, approval: 'not-starter' } },
      { size: '10%' },
      { size: '3' },
      { name: 'half', size: '50%', gate: { success: '98%' } },
      { hosts: 'db-1,db-2' },
      { selector: 'rack=a' },
      { each: 'rack' },
      { rest: true },
    ],
    ...{ maxUnavailable: '10%', maxFailures: '2', onFailure: 'wave', withoutWayBack: 'go-on' },
    ...{ reboot: 'always', rebootTimeoutMs: 300_000, order: 'random', seed: 7, busy: 'wait' },
    ...{ ttlMs: 3_600_000, timeoutMs: 7_200_000, lifeMs: 259_200_000, reason: 'monthly' },
    probes: [
      { name: 'here', shell: { line: 'app health' }, need: 2, of: 3 },
      { name: 'outside', from: 'controller', http: { url: 'http://{address}:80/{name}' } },
      { name: 'elsewhere', from: { selector: 'role=mon' }, tcp: { host: 'db.example', port: 5432 } },
    ],
    windows: [{ days: ['mon', 'tue', 'wed', 'sat'], from: '22:00', to: '04:00', zone: 'Europe/Berlin' }],
    freezes: [{ from: '2026-12-20', to: '2027-01-02T06:00', zone: 'UTC', reason: 'holidays' }],
  });
  assert.deepEqual(change, { plan: 'plan.json', 'config-files': 'replace', 'lock-wait': 600_000 });
  assert.ok(steps.pre && 'tasks' in steps.pre && steps.pre.tasks.length === 1);
  assert.deepEqual(steps.post, { bundle: { source: 'undrain.yaml', line: 29, path: 'post.bundle' } });
});

test('every mistake of a rollout file is told with its line, all at once', () => {
  const table: [string, ...RegExp[]][] = [
    ['', /^1: the file is empty$/],
    ['- a', /^1: expected a map/],
    ['change: {}', /^1: change: expected one of plan, bundle, copy, upgrade$/],
    [
      'change: { plan: a, bundle: b }',
      /^1: change\.bundle: a rollout has one change: there is plan already$/,
    ],
    ['change: { bundle: b, config-files: keep }', /^1: change\.config-files: is of a plan alone$/],
    ['change: { upgrade: yes please }', /^1: change\.upgrade: expected true, or a map with online-within/],
    ['change: { copy: { source: a, path: etc } }', /^1: change\.copy\.path: /],
    ['change: { plan: a }\nchange: { plan: b }', /^2: .*change/],
    ['change: { plan: a }\nmaxFailures: 3', /^2: maxFailures: .*max-failures/],
    ['change: { plan: a }\nmax-failures: 101%', /^2: max-failures: expected a number like 3, or a share/],
    ['change: { plan: a }\nmax-failures: -1', /^2: max-failures: expected/],
    ['change: { plan: a }\nmax-unavailable: 0', /^2: max-unavailable: expected a number like 5/],
    ['change: { plan: a }\nmax-unavailable: 0%', /^2: max-unavailable: expected a number like 5/],
    ['change: { plan: a }\nlife: 3 weeks', /^2: life: "3 weeks" is not a duration/],
    ['change: { plan: a }\non-failure: some', /^2: on-failure: expected host, wave, all or none/],
    ['change: { plan: a }\nname: "a\\nb"', /^2: name: expected 1 to 100 characters/],
    ['change: { plan: a }\nwaves: []', /^2: waves: expected at least one wave/],
    ['change: { plan: a }\nwaves: [ 0 ]', /^2: waves\[0\]\.size: expected a number like 5/],
    ['change: { plan: a }\nwaves: [ 150% ]', /^2: waves\[0\]\.size: expected/],
    ['change: { plan: a }\nwaves: [ most ]', /^2: waves\[0\]: expected/],
    [
      'change: { plan: a }\nwaves:\n  - { size: 1, rest: true }',
      /^3: waves\[0\]\.rest: who is in the wave is said by size/,
    ],
    ['change: { plan: a }\nwaves:\n  - { name: x }', /^3: waves\[0\]: expected one of canary, size/],
    ['change: { plan: a }\nwaves:\n  - { rest: false }', /^3: waves\[0\]\.rest: expected rest: true/],
    [
      'change: { plan: a }\nwaves:\n  - { name: x, size: 1 }\n  - { name: x, size: 2 }',
      /^4: waves\[1\]\.name: "x" is the name of waves\[0\] too$/,
    ],
    [
      'change: { plan: a }\ngate: { soak: x, approve: me }',
      /^2: gate\.approve: /,
      /^2: gate\.soak: "x" is not a duration/,
    ],
    ['change: { plan: a }\ngate: { success: 98 }', /^2: gate\.success: expected/],
    ['change: { plan: a }\nprobes: [ { shell: x } ]', /^2: probes\[0\]\.name: /],
    [
      'change: { plan: a }\nprobes: [ { name: a } ]',
      /^2: probes\[0\]: expected one of command, shell, http and tcp/,
    ],
    [
      'change: { plan: a }\nprobes:\n  - { name: a, shell: x, need: 20 }',
      /^3: probes\[0\]\.need: can never hold/,
    ],
    [
      'change: { plan: a }\nprobes:\n  - { name: a, shell: x }\n  - { name: a, shell: y }',
      /^4: probes\[1\]\.name: "a" is the name of probes\[0\] too$/,
    ],
    ['change: { plan: a }\nprobes: [ { name: a, shell: x, from: {} } ]', /^2: probes\[0\]\.from: expected/],
    ['change: { plan: a }\npre: [ { shel: x } ]', /^2: pre\[0\]\.shel: /],
    ['change: { plan: a }\npre: drain', /^2: pre: expected a list of tasks, or a map with bundle/],
    ['change: { plan: a }\npost: []', /^2: post: expected at least one task/],
    [
      'change: { plan: a }\nwindows: [ { days: [ moon ], from: 7, to: "25:00", zone: Berlin } ]',
      /^2: windows\[0\]\.days\[0\]: expected a day/,
      /^2: windows\[0\]\.from: expected a time in quotes/,
      /^2: windows\[0\]\.to: expected a time/,
      /^2: windows\[0\]\.zone: expected a time zone/,
    ],
    [
      'change: { plan: a }\nwindows: [ { days: [], from: "22:00", to: "23:00", zone: UTC } ]',
      /^2: windows\[0\]\.days: expected at least one day/,
    ],
    [
      'change: { plan: a }\nfreezes: [ { from: "2026-12-20", to: "2026-12-01", zone: UTC } ]',
      /^2: freezes\[0\]\.to: is before from/,
    ],
    [
      'change: { plan: a }\nfreezes: [ { from: "2026-13-40", to: "2027-12-01", zone: UTC } ]',
      /^2: freezes\[0\]\.from: expected a day/,
    ],
    ['change: { plan: a }\ntargets: []', /^2: targets: /],
    ['change: { plan: a }\ntargets: " "', /^2: targets: expected names and globs/],
    ['change: [unclosed', /^\d+: /],
    ['__proto__: { a: 1 }\nchange: { plan: a }', /^1: "__proto__" is no key here/],
  ];
  for (const [text, ...expected] of table) {
    const told = problemsOf(text);
    for (const one of expected)
      assert.ok(
        told.some((line) => one.test(line)),
        `${text}\n→ ${told.join('\n')}\nfor ${one}`,
      );
  }
  assert.deepEqual(problemsOf(Buffer.from([0xff, 0xfe, 0x00])), ['1: expected text in UTF-8']);
});
