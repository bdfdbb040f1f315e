/** One of everything that is signed, hashed or sealed, from seeded keys and fixed inputs. */
import { encodeToken, signEnrolRequest, signGrant, tokenHash } from '../../certs/enrolment.ts';
import { signRelease } from '../../certs/release.ts';
import { signTrust } from '../../certs/trust.ts';
import { orderHash, seal, signOrder, wrapFor } from '../../proto/bundle.ts';
import { encodeFrame, Order, Report, type ReportMessage, SignedOrder } from '../../proto/codec.ts';
import { hash, keyId, sign } from '../../proto/frame.ts';
import { merkleTree, targetLeaf } from '../../proto/merkle.ts';
import { hello, proof, readHello, welcome } from '../../proto/session.ts';
import {
  AGENT,
  AGENT_ID,
  ascii,
  boxPair,
  CONTROLLER,
  cancelOrder,
  counting,
  EPOCH,
  FLEET,
  JOB_ID,
  NOW_MS,
  OPERATOR,
  RELEASE,
  ROOT,
  runOrder,
  SIBLING_ID,
  seeded,
} from './fixture.ts';

const DAY_MS = 86_400_000;
export const PARAMS = ascii('nginx=1.24.0-2');

export const TREE = merkleTree([
  targetLeaf({ agentId: SIBLING_ID, epoch: EPOCH, params: new Uint8Array() }),
  targetLeaf({ agentId: AGENT_ID, epoch: EPOCH, params: PARAMS }),
  targetLeaf({ agentId: counting(0x90, 16), epoch: EPOCH, params: new Uint8Array() }),
]);

// ------------------------------------------------------------ orders and a bundle

export const ORDER = Order.encode(runOrder(TREE));
const ORDER_SIGNATURE = signOrder(ORDER, 'controller', CONTROLLER);
const CANCEL = Order.encode(cancelOrder());
const SEALED = seal(ORDER, [ORDER_SIGNATURE], seeded('seal'));
const DELIVER = wrapFor(SEALED, boxPair('wrapping'), {
  boxPublicKey: AGENT.box.publicKey,
  index: 1,
  proof: TREE.proof(1),
  params: PARAMS,
});

// ------------------------------------------------------------ trust

export const TRUST_INPUT = {
  fleetId: FLEET,
  serial: 1,
  issuedAtMs: NOW_MS - DAY_MS,
  expiresAtMs: NOW_MS + 365 * DAY_MS,
  rootPublicKey: ROOT.publicKey,
  keys: [
    {
      role: 'controller',
      publicKey: CONTROLLER.publicKey,
      name: 'controller',
      kinds: ['run', 'cancel'],
      notAfterMs: 0,
    },
    {
      role: 'operator',
      publicKey: OPERATOR.publicKey,
      name: 'ada',
      kinds: ['run'],
      notAfterMs: NOW_MS + 30 * DAY_MS,
    },
    { role: 'release', publicKey: RELEASE.publicKey, name: 'builds', kinds: [], notAfterMs: 0 },
  ],
  urls: ['wss://controller.example:7443/agent'],
  minimumAgentVersion: '0.1.0',
  revoked: [counting(0xb0, 16)],
};
const TRUST = signTrust(TRUST_INPUT, [ROOT]);

// ------------------------------------------------------------ a handshake

const HAIL = hello(
  {
    purpose: 'session',
    fleetId: FLEET,
    agentId: AGENT_ID,
    rootKeyId: keyId('root', ROOT.publicKey),
    trustSerial: 1,
  },
  seeded('hello'),
);
const WELCOME = welcome(
  HAIL.bytes,
  readHello(HAIL.bytes),
  { controllerKey: CONTROLLER, trustSerial: 1, timeMs: NOW_MS },
  seeded('welcome'),
);
const PROOF = proof(AGENT.sign, WELCOME.keys.h1, {
  epoch: EPOCH,
  counter: 7,
  instance: counting(0xc0, 16),
  bootId: '6f1d3a52-0d5c-4c55-9d6e-3a8d8d0f2b11',
  agentVersion: '0.1.0',
  factsDigest: counting(0xd0, 32),
  wallMs: NOW_MS,
});

// ------------------------------------------------------------ enrolment

export const TOKEN_SECRET = counting(0xe0, 32);
const TOKEN = encodeToken({
  secret: TOKEN_SECRET,
  fleetId: FLEET,
  rootKeyId: keyId('root', ROOT.publicKey),
  urls: ['wss://controller.example:7443/agent'],
});
const ENROL = signEnrolRequest(AGENT.sign, WELCOME.keys.h1, {
  signPublicKey: AGENT.sign.publicKey,
  boxPublicKey: AGENT.box.publicKey,
  name: 'web-1',
  labels: { role: 'web', env: 'prod' },
  replace: false,
  epoch: EPOCH,
  hostname: 'web-1.example',
  machineId: '0123456789abcdef0123456789abcdef',
});
const GRANT = signGrant(CONTROLLER, {
  fleetId: FLEET,
  agentId: AGENT_ID,
  name: 'web-1',
  labels: { role: 'web', env: 'prod' },
  state: 'active',
});

// ------------------------------------------------------------ a report

export const REPORT_MESSAGE: ReportMessage = {
  version: 3,
  fleetId: FLEET,
  agentId: AGENT_ID,
  epoch: EPOCH,
  reportSeq: 1,
  previous: new Uint8Array(32),
  jobId: JOB_ID,
  orderHash: orderHash(ORDER),
  attempt: 1,
  state: 'failed',
  reason: 'exit status 3',
  tasks: [
    {
      index: 0,
      state: 'failed',
      exited: true,
      exitCode: 3,
      signal: '',
      durationUs: 2_100,
      outputFrom: 0,
      outputTo: 12,
      reason: '',
      change: '',
      code: '',
    },
  ],
  output: {
    length: 12,
    stored: 12,
    sha512: hash('facts', ascii('stands for a digest')),
    truncated: false,
    gaps: [{ stream: 'stderr', offset: 4 }],
    stdoutLength: 8,
    stderrLength: 4,
  },
  startedAtMs: NOW_MS,
  endedAtMs: NOW_MS + 3,
  durationUs: 2_400,
  agentVersion: '0.1.0',
  code: '',
};
const REPORT = Report.encode(REPORT_MESSAGE);

// ------------------------------------------------------------ a release

export const BUILDS = [
  { form: 'bundle', arch: '', sha512: hash('facts', ascii('stands for a bundle')), length: 570_000 },
  {
    form: 'executable',
    arch: 'arm64',
    sha512: hash('facts', ascii('stands for a program')),
    length: 127_000_000,
  },
];
const SIGNED_RELEASE = signRelease(RELEASE, { agentVersion: '1.2.3', builds: BUILDS });

export const SIGNED: Readonly<Record<string, Uint8Array>> = {
  order: ORDER,
  'order hash': orderHash(ORDER),
  'order signature': ORDER_SIGNATURE.signature,
  'signed order': SignedOrder.encode({ order: ORDER, signatures: [ORDER_SIGNATURE] }),
  cancel: CANCEL,
  'cancel signature': signOrder(CANCEL, 'operator', OPERATOR).signature,
  'targets root': TREE.root,
  'deliver frame': encodeFrame('deliver', DELIVER),
  'signed trust': TRUST,
  hello: HAIL.bytes,
  'welcome body': WELCOME.body,
  h1: WELCOME.keys.h1,
  'welcome signature': WELCOME.signature,
  'key to agent': WELCOME.keys.toAgent,
  'key to controller': WELCOME.keys.toController,
  'proof body': PROOF.body,
  'proof signature': PROOF.signature,
  'enrol request': ENROL.request,
  'enrol request signature': ENROL.signature,
  grant: GRANT.grant,
  'grant signature': GRANT.signature,
  token: ascii(TOKEN),
  'token hash': tokenHash(TOKEN_SECRET),
  report: REPORT,
  'report hash': hash('report', REPORT),
  'report signature': sign(AGENT.sign, 'report', REPORT),
  release: SIGNED_RELEASE.release,
  'release signature': SIGNED_RELEASE.signatures[0]?.signature ?? new Uint8Array(),
};
