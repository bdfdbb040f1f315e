import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ServiceFailure } from '../../../controller/service/failure.ts';
import { PLACES } from '../../../controller/service/layout.ts';
import { planInstall, type Wanted } from '../../../controller/service/plan.ts';
import { withSettings } from '../../../controller/service/settings.ts';
import type { Found } from '../../../controller/service/state.ts';
import { unitText } from '../../../controller/service/unit.ts';

const SETTINGS = PLACES.settings.debian;
const GIVEN = { MUSTER_SERVE_LISTEN: '0.0.0.0:7443' };

const BARE: Found = {
  manager: 'systemd',
  hasUser: false,
  settings: { path: SETTINGS, text: undefined },
  unit: undefined,
  active: false,
  enabled: false,
  current: undefined,
  takingOver: undefined,
  command: undefined,
  home: undefined,
  homeIsThere: false,
  others: [],
  freeBytes: 1e9,
};

const HOME = { path: PLACES.home, schema: 7, inUse: true, url: undefined };

/** As an install of this program left it. */
const INSTALLED: Found = {
  ...BARE,
  hasUser: true,
  settings: { path: SETTINGS, text: withSettings(undefined, GIVEN) },
  unit: unitText({ settings: SETTINGS, port: 7443 }),
  active: true,
  enabled: true,
  current: { slot: 'a', program: { version: '1.0.0', sha512: 'aa' } },
  command: { target: PLACES.commandTarget },
  home: HOME,
  homeIsThere: true,
};

const WANTED: Wanted = {
  program: { version: '1.0.0', sha512: 'aa', bytes: 1e6 },
  schema: 7,
  given: {},
  listen: { host: '0.0.0.0', port: 7443 },
  home: undefined,
};
const NEWER = { ...WANTED, program: { ...WANTED.program, version: '1.1.0', sha512: 'bb' } };

const kinds = (found: Found, wanted: Wanted): string =>
  planInstall(found, wanted)
    .steps.map((step) => step.kind)
    .join(' ');

describe('what is done', () => {
  const table: [string, Found, Wanted, string][] = [
    [
      'all of it on a bare machine',
      BARE,
      { ...WANTED, given: GIVEN },
      'user copy home settings unit switch command start ready',
    ],
    ['nothing where all is there', INSTALLED, WANTED, 'ready'],
    ['nothing where the same is said again', INSTALLED, { ...WANTED, given: GIVEN }, 'ready'],
    [
      'settings alone where only they changed',
      INSTALLED,
      { ...WANTED, given: { MUSTER_SERVE_KEEP_JOBS: '1d' } },
      'home stop settings start ready',
    ],
    [
      'a backup while it works, where the schema stays',
      INSTALLED,
      NEWER,
      'copy home backup stop switch start ready',
    ],
    [
      'a backup of all that was acknowledged, where it will be migrated',
      INSTALLED,
      { ...NEWER, schema: 8 },
      'copy home stop backup switch start ready',
    ],
    [
      'a start where it does not run',
      { ...INSTALLED, active: false, home: { ...HOME, inUse: false } },
      WANTED,
      'home start ready',
    ],
    [
      'a take-over where it was asked for',
      { ...BARE, others: [{ path: '/root/.muster', schema: 7, inUse: false, url: undefined }] },
      { ...WANTED, home: '/root/.muster' },
      'user copy home take-over settings unit switch command start ready put-aside',
    ],
    [
      'the old home put aside, where a take-over was cut off after the copy',
      {
        ...INSTALLED,
        takingOver: '/root/.muster',
        others: [{ path: '/root/.muster', schema: 7, inUse: false, url: undefined }],
      },
      WANTED,
      'ready put-aside',
    ],
    [
      'the same where it is asked for again',
      {
        ...INSTALLED,
        takingOver: '/root/.muster',
        others: [{ path: '/root/.muster', schema: 7, inUse: false, url: undefined }],
      },
      { ...WANTED, home: '/root/.muster' },
      'ready put-aside',
    ],
    [
      'a take-over from the beginning, where it was cut off before',
      {
        ...BARE,
        takingOver: '/root/.muster',
        others: [{ path: '/root/.muster', schema: 7, inUse: false, url: undefined }],
      },
      WANTED,
      'user copy home take-over settings unit switch command start ready put-aside',
    ],
    [
      'the controller that root ran by hand is kept where it is',
      { ...BARE, home: { ...HOME, inUse: false }, homeIsThere: true },
      WANTED,
      'user copy home backup settings unit switch command start ready',
    ],
    [
      'nothing to the command of another program',
      { ...BARE, command: { target: '../lib/node_modules/muster/bin/muster' } },
      WANTED,
      'user copy home settings unit switch start ready',
    ],
  ];
  for (const [name, found, wanted, steps] of table)
    test(name, () => assert.equal(kinds(found, wanted), steps));

  test('an upgrade goes to the slot that is not in use, and knows the way back', () => {
    const { steps } = planInstall(INSTALLED, { ...NEWER, schema: 8 });
    assert.deepEqual(
      steps.filter(({ kind }) => ['copy', 'backup', 'switch'].includes(kind)),
      [
        { kind: 'copy', slot: 'b' },
        { kind: 'backup', schema: 7, by: 'b', goesBackTo: 'a' },
        { kind: 'switch', to: 'b', from: 'a' },
      ],
    );
  });
});

test('a controller that is taken over is given the time to migrate as well', () => {
  const found = { ...BARE, others: [{ path: '/root/.muster', schema: 6, inUse: false, url: undefined }] };
  const { steps } = planInstall(found, { ...WANTED, home: '/root/.muster' });
  assert.deepEqual(
    steps.find(({ kind }) => kind === 'ready'),
    { kind: 'ready', migrates: true },
  );
});

describe('what is refused', () => {
  const other = { path: '/home/kim/.muster', schema: 7, inUse: false, url: undefined };
  const table: [string, Found, Wanted, RegExp][] = [
    ['another init system', { ...BARE, manager: 'openrc' }, WANTED, /OpenRC/],
    ['no init system', { ...BARE, manager: 'none' }, WANTED, /no systemd/],
    ['a unit of somebody else', { ...INSTALLED, unit: '[Service]\n' }, WANTED, /not made by Muster/],
    [
      'a second fleet beside one',
      { ...BARE, others: [other] },
      WANTED,
      /controller in \/home\/kim\/\.muster/,
    ],
    [
      'a take-over beside a fleet',
      { ...INSTALLED, others: [other] },
      { ...WANTED, home: other.path },
      /second one/,
    ],
    ['a take-over of nothing', BARE, { ...WANTED, home: '/srv/x' }, /no home of a controller/],
    ['a take-over by a relative path', BARE, { ...WANTED, home: 'x' }, /absolute/],
    [
      'a take-over of one that works',
      { ...BARE, others: [{ ...other, inUse: true }] },
      { ...WANTED, home: other.path },
      /works on/,
    ],
    ['a home on which somebody works', { ...BARE, home: HOME, homeIsThere: true }, WANTED, /not the service/],
    ['a newer schema', INSTALLED, { ...WANTED, schema: 6 }, /newer Muster: schema 7, this one knows 6/],
    [
      'a newer schema in what is taken over',
      { ...BARE, others: [other] },
      { ...WANTED, schema: 6, home: other.path },
      /newer Muster/,
    ],
    [
      'an address that its agents do not know',
      { ...BARE, home: { ...HOME, inUse: false, url: 'https://muster.example.net:7443' }, homeIsThere: true },
      { ...WANTED, listen: { host: '127.0.0.1', port: 7443 } },
      /know it as https:\/\/muster\.example\.net:7443/,
    ],
    ['too little space', { ...BARE, freeBytes: 1e6 }, WANTED, /needs 33 MiB, and 1 MiB are free/],
  ];
  for (const [name, found, wanted, reason] of table)
    test(name, () => {
      assert.throws(
        () => planInstall(found, wanted),
        (error) => error instanceof ServiceFailure && reason.test(error.message),
      );
    });

  test('nothing of it where the home to begin in is said', () => {
    const found = { ...BARE, others: [other] };
    const { notes } = planInstall(found, { ...WANTED, home: PLACES.home });
    assert.match(notes.join(), /\/home\/kim\/\.muster is left alone/);
  });
});

test('whoever listens on loopback only is told so', () => {
  const { notes } = planInstall(BARE, { ...WANTED, listen: { host: '127.0.0.1', port: 7443 } });
  assert.match(notes.join(), /agents of other machines cannot reach it/);
});

test('the capability for low ports is in the unit only where the port is low', () => {
  const low = unitText({ settings: SETTINGS, port: 443 });
  const high = unitText({ settings: SETTINGS, port: 7443 });
  assert.match(low, /^AmbientCapabilities=CAP_NET_BIND_SERVICE$/m);
  assert.match(high, /^CapabilityBoundingSet=$/m);
  assert.doesNotMatch(high, /CAP_NET_BIND/);
  for (const line of [
    'User=muster',
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    'ReadWritePaths=/var/lib/muster',
  ])
    assert.ok(high.split('\n').includes(line), line);
});
