/**
 * Golden bytes. golden.json holds everything that is signed, hashed or sealed, in hex, as session, order, trust, report,
 * enrolment, token and release have it: order version 4, report version 3, session version 2, the others 1. A change here is a change of the wire:
 * it needs a new version number and a line in muster.proto's list, not a new golden file. Below, each message is spelled
 * out field by field.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import nacl from 'tweetnacl';
import { JoinToken, SignedTrust } from '../../proto/codec.ts';
import { frame, keyId } from '../../proto/frame.ts';
import { toHex } from '../../proto/ids.ts';
import {
  AGENT,
  AGENT_ID,
  CONTROLLER,
  concat,
  counting,
  EPOCH,
  FLEET,
  JOB_ID,
  NOW_MS,
  OPERATOR,
  RELEASE,
  ROOT,
  seeded,
} from './fixture.ts';
import { BUILDS, REPORT_MESSAGE, SIGNED, TOKEN_SECRET, TREE } from './signed.ts';
import { bytes, message, number, text, varint } from './wire.ts';

const DAY_MS = 86_400_000;
const golden: Record<string, string> = JSON.parse(
  readFileSync(new URL('golden.json', import.meta.url), 'utf8'),
);

const signed = (name: string): Uint8Array => {
  const found = SIGNED[name];
  assert.ok(found, name);
  return found;
};

for (const [name, value] of Object.entries(SIGNED))
  test(`the bytes of "${name}" are golden`, () => {
    assert.equal(toHex(value), golden[name]);
  });

test('every golden value is still made', () => {
  assert.deepEqual(Object.keys(golden), Object.keys(SIGNED));
});

/** Compares as hex, so that a difference can be read. */
function spelled(name: string, ...fields: readonly Uint8Array[]): void {
  assert.equal(toHex(signed(name)), toHex(concat(...fields)));
}

test('an order is spelled out', () => {
  spelled(
    'order',
    number(1, 4), // version
    bytes(2, FLEET),
    bytes(3, JOB_ID),
    text(4, 'run'),
    bytes(5, TREE.root),
    number(6, 3), // targets_count
    number(7, NOW_MS - 1_000), // signed_at_ms
    number(8, NOW_MS - 1_000), // not_before_ms
    number(9, NOW_MS + 60_000), // expires_at_ms
    message(10, text(1, 'hello'), message(2, text(1, 'uname'), text(1, '-a'))), // one task: a command and its argv
    message(11, number(1, 3_600_000), number(2, 10_000), number(3, 10_485_760)), // timeout, kill grace, output cap
    message(12, text(1, 'never'), number(2, 1)), // retry
    text(13, 'a first look'), // reason
  );
});

test('a cancel is spelled out: no targets, no tasks, and the order that it cancels', () => {
  spelled(
    'cancel',
    number(1, 4),
    bytes(2, FLEET),
    bytes(3, counting(0x20, 16)), // its own job id
    text(4, 'cancel'),
    number(7, NOW_MS - 1_000),
    number(8, NOW_MS - 1_000),
    number(9, NOW_MS + 60_000),
    message(14, bytes(1, JOB_ID), bytes(2, counting(0x60, 32)), number(3, NOW_MS + 60_000)),
  );
});

test('a signed order is the bytes of the order, then key id and signature', () => {
  spelled(
    'signed order',
    bytes(1, signed('order')),
    message(2, bytes(1, keyId('controller', CONTROLLER.publicKey)), bytes(2, signed('order signature'))),
  );
});

test('a trust document is spelled out, and travels as bytes with the signature of the root', () => {
  const document = concat(
    number(1, 1), // version
    bytes(2, FLEET),
    number(3, 1), // serial
    number(4, NOW_MS - DAY_MS), // issued_at_ms
    number(5, NOW_MS + 365 * DAY_MS), // expires_at_ms
    bytes(6, ROOT.publicKey),
    message(
      7,
      text(1, 'controller'),
      bytes(2, CONTROLLER.publicKey),
      text(3, 'controller'), // its name
      text(4, 'run'),
      text(4, 'cancel'),
    ),
    message(
      7,
      text(1, 'operator'),
      bytes(2, OPERATOR.publicKey),
      text(3, 'ada'),
      text(4, 'run'),
      number(5, NOW_MS + 30 * DAY_MS), // not_after_ms
    ),
    message(7, text(1, 'release'), bytes(2, RELEASE.publicKey), text(3, 'builds')),
    text(8, 'wss://controller.example:7443/agent'),
    text(9, '0.1.0'), // minimum_agent_version
    bytes(10, counting(0xb0, 16)), // a revoked key id
  );
  const { signatures } = SignedTrust.decode(signed('signed trust'));
  const signature = signatures[0]?.signature ?? new Uint8Array();
  spelled(
    'signed trust',
    bytes(1, document),
    message(2, bytes(1, keyId('root', ROOT.publicKey)), bytes(2, signature)),
  );
  assert.ok(nacl.sign.detached.verify(frame('trust', document), new Uint8Array(signature), ROOT.publicKey));
});

test('hello, welcome and proof are spelled out', () => {
  const agent = seeded('hello');
  const agentEphemeral = nacl.scalarMult.base(agent(32));
  spelled(
    'hello',
    bytes(1, varint(2)), // versions, packed
    bytes(2, FLEET),
    bytes(3, AGENT_ID),
    bytes(4, agent(32)), // nonce
    bytes(5, agentEphemeral),
    number(6, 1), // trust_serial
    text(7, 'session'), // purpose
    bytes(8, keyId('root', ROOT.publicKey)),
  );
  const controller = seeded('welcome');
  const controllerEphemeral = nacl.scalarMult.base(controller(32));
  spelled(
    'welcome body',
    number(1, 2), // version
    bytes(2, controller(32)), // nonce
    bytes(3, controllerEphemeral),
    bytes(4, keyId('controller', CONTROLLER.publicKey)),
    number(5, 1), // trust_serial
    number(6, NOW_MS), // time_ms
  );
  spelled(
    'proof body',
    bytes(1, EPOCH),
    number(2, 7), // counter
    bytes(3, counting(0xc0, 16)), // instance
    text(4, '6f1d3a52-0d5c-4c55-9d6e-3a8d8d0f2b11'), // boot_id
    text(5, '0.1.0'), // agent_version
    bytes(6, counting(0xd0, 32)), // facts_digest
    number(7, NOW_MS), // wall_ms
  );
});

test('an enrol request, a grant and a token are spelled out', () => {
  const labels = [message(5, text(1, 'role'), text(2, 'web')), message(5, text(1, 'env'), text(2, 'prod'))];
  spelled(
    'enrol request',
    number(1, 1), // version
    bytes(2, AGENT.sign.publicKey),
    bytes(3, AGENT.box.publicKey),
    text(4, 'web-1'),
    ...labels, // in the order in which they were given
    bytes(7, EPOCH), // replace (6) is false: absent
    text(8, 'web-1.example'),
    text(9, '0123456789abcdef0123456789abcdef'),
  );
  spelled(
    'grant',
    number(1, 1),
    bytes(2, FLEET),
    bytes(3, AGENT_ID),
    text(4, 'web-1'),
    ...labels,
    text(6, 'active'),
  );
  const token = concat(
    number(1, 1), // version
    bytes(2, TOKEN_SECRET),
    bytes(3, FLEET),
    bytes(4, keyId('root', ROOT.publicKey)),
    text(5, 'wss://controller.example:7443/agent'),
  );
  assert.equal(
    Buffer.from(signed('token')).toString(),
    `muster-join-${Buffer.from(token).toString('base64url')}`,
  );
  assert.ok(JoinToken.decode(token));
});

test('a report is spelled out', () => {
  const { output, orderHash } = REPORT_MESSAGE;
  assert.ok(output);
  spelled(
    'report',
    number(1, 3), // version
    bytes(2, FLEET),
    bytes(3, AGENT_ID),
    bytes(4, EPOCH),
    number(5, 1), // report_seq
    bytes(6, new Uint8Array(32)), // previous: none
    bytes(7, JOB_ID),
    bytes(8, orderHash),
    number(9, 1), // attempt
    text(10, 'failed'), // state
    text(11, 'exit status 3'), // reason
    message(
      12, // task 0: its index is the default, and absent
      text(2, 'failed'),
      number(3, 1), // exited
      number(4, 3), // exit_code
      number(6, 2_100), // duration_us
      number(8, 12), // output_to
    ),
    message(
      13,
      number(1, 12), // length
      number(2, 12), // stored
      bytes(3, output.sha512),
      message(5, text(1, 'stderr'), number(2, 4)), // a gap
      number(6, 8), // stdout_length
      number(7, 4), // stderr_length
    ),
    number(14, NOW_MS), // started_at_ms
    number(15, NOW_MS + 3), // ended_at_ms
    number(16, 2_400), // duration_us
    text(17, '0.1.0'), // agent_version
  );
});

test('a release is spelled out: the version, and of each build its form, architecture, digest and length', () => {
  spelled(
    'release',
    number(1, 1),
    text(2, '1.2.3'),
    ...BUILDS.map(({ form, arch, sha512, length }) =>
      message(3, text(1, form), ...(arch === '' ? [] : [text(2, arch)]), bytes(3, sha512), number(4, length)),
    ),
  );
});

test('every signature is over the frame that TRUST names, by the key that it names', () => {
  const h1 = nacl.hash(frame('transcript', signed('hello'), signed('welcome body')));
  assert.equal(toHex(signed('h1')), toHex(h1));
  const cases: [string, Uint8Array, Uint8Array][] = [
    ['order signature', frame('order', signed('order')), CONTROLLER.publicKey],
    ['cancel signature', frame('order', signed('cancel')), OPERATOR.publicKey],
    ['welcome signature', frame('hs-controller', h1), CONTROLLER.publicKey],
    ['proof signature', frame('hs-agent', h1, signed('proof body')), AGENT.sign.publicKey],
    ['enrol request signature', frame('enrol-request', h1, signed('enrol request')), AGENT.sign.publicKey],
    ['grant signature', frame('enrol-grant', signed('grant')), CONTROLLER.publicKey],
    ['release signature', frame('release', signed('release')), RELEASE.publicKey],
    ['report signature', frame('report', signed('report')), AGENT.sign.publicKey],
  ];
  for (const [name, framed, key] of cases)
    assert.ok(nacl.sign.detached.verify(framed, signed(name), key), name);
});
