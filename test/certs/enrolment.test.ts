import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeToken,
  encodeToken,
  openEnrolRequest,
  openGrant,
  signEnrolRequest,
  signGrant,
  signGrantBytes,
  tokenHash,
} from '../../certs/enrolment.ts';
import { acceptPublicKeys, idOfAgent, makeAgentKeys } from '../../certs/identity.ts';
import { EnrolGrant, EnrolRequest, JoinToken } from '../../proto/codec.ts';
import { MusterError } from '../../proto/errors.ts';
import { hash, keyId, sign } from '../../proto/frame.ts';
import { toHex } from '../../proto/ids.ts';
import {
  AGENT,
  AGENT_ID,
  CONTROLLER,
  concat,
  counting,
  EPOCH,
  FLEET,
  flipped,
  OPERATOR,
  ROOT,
  refused,
  SIBLING,
  seeded,
} from '../proto/fixture.ts';
import { number } from '../proto/wire.ts';

// ------------------------------------------------------------ tokens

const CONTENT = {
  secret: counting(0, 32),
  fleetId: FLEET,
  rootKeyId: keyId('root', ROOT.publicKey),
  urls: ['wss://controller.example:7443/agent', 'wss://10.0.0.1:7443/agent'],
};
const TOKEN = encodeToken(CONTENT);

test('a token says what it was made of, with white space around it and as a file gives it', () => {
  for (const text of [TOKEN, `${TOKEN}\n`, `  ${TOKEN}\r\n`, `\t${TOKEN}`]) {
    const token = decodeToken(text);
    assert.equal(toHex(token.secret), toHex(CONTENT.secret));
    assert.equal(toHex(token.fleetId), toHex(FLEET));
    assert.equal(toHex(token.rootKeyId), toHex(CONTENT.rootKeyId));
    assert.deepEqual(token.urls, CONTENT.urls);
  }
});

test('a token that was cut anywhere is refused', () => {
  for (let length = 0; length < TOKEN.length; length += 1)
    refused('token-malformed', () => decodeToken(TOKEN.slice(0, length)));
  for (let start = 1; start < TOKEN.length; start += 7)
    refused('token-malformed', () => decodeToken(TOKEN.slice(start)));
});

test('a token with any one character changed is refused or says something else, and is never another error', () => {
  const said = new Set([JSON.stringify(decodeToken(TOKEN))]);
  let understood = 0;
  for (let at = 0; at < TOKEN.length; at += 1)
    for (const character of 'A-z_0. ') {
      if (TOKEN[at] === character) continue;
      const text = TOKEN.slice(0, at) + character + TOKEN.slice(at + 1);
      try {
        const token = JSON.stringify(decodeToken(text));
        assert.ok(!said.has(token), `${at}: two texts of one token`);
        said.add(token);
        understood += 1;
      } catch (error) {
        assert.ok(error instanceof MusterError && error.code === 'token-malformed', String(error));
      }
    }
  assert.ok(understood > 0, 'a changed secret cannot be seen here; the controller does not know its hash');
});

test('a token has one text: appended characters and spare bits are refused', () => {
  // As many URLs as it takes for the last character to have spare bits, in one of three lengths.
  for (const path of ['', 'a', 'ab']) {
    const token = encodeToken({ ...CONTENT, urls: [`wss://c/${path}`] });
    for (const more of ['A', 'AA', 'AAAA', '=', '==', token])
      refused('token-malformed', () => decodeToken(token + more));
    const last = token.at(-1) ?? '';
    for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
      if (character === last) continue;
      const text = token.slice(0, -1) + character;
      try {
        assert.notDeepEqual(decodeToken(text).urls, [`wss://c/${path}`]);
      } catch (error) {
        assert.ok(error instanceof MusterError, String(error));
      }
    }
  }
});

test('white space inside a token, another prefix, and things that are no token are refused', () => {
  const middle = Math.floor(TOKEN.length / 2);
  const texts = [
    '',
    ' ',
    'muster-join-',
    'muster-join-AAAA',
    'MUSTER-JOIN-'.concat(TOKEN.slice(12)),
    TOKEN.slice('muster-join-'.length),
    `${TOKEN.slice(0, middle)} ${TOKEN.slice(middle)}`,
    `${TOKEN.slice(0, middle)}\n${TOKEN.slice(middle)}`,
    `${TOKEN}\n${TOKEN}`,
    TOKEN.replaceAll('-', '+'),
    `"${TOKEN}"`,
    'muster-join-\u{1f600}',
    'x'.repeat(1_000_000),
    `muster-join-${'A'.repeat(1_000_000)}`,
  ];
  for (const text of texts) refused('token-malformed', () => decodeToken(text));
});

test('a token of another version, of another shape or without a controller is refused, and says which', () => {
  const text = (message: Parameters<typeof JoinToken.encode>[0]): string =>
    `muster-join-${Buffer.from(JoinToken.encode(message)).toString('base64url')}`;
  assert.ok(decodeToken(text({ ...CONTENT, version: 1 })));
  assert.match(
    refused('token-malformed', () => decodeToken(text({ ...CONTENT, version: 2 }))).message,
    /version/,
  );
  const shapes = [
    { secret: counting(0, 31) },
    { fleetId: counting(0, 17) },
    { rootKeyId: counting(0, 15) },
    { urls: [] },
    { urls: Array.from({ length: 17 }, () => 'wss://a') },
  ];
  for (const shape of shapes)
    refused('token-malformed', () => decodeToken(text({ ...CONTENT, version: 1, ...shape })));
  const unknown = concat(JoinToken.encode({ ...CONTENT, version: 1 }), number(99, 1));
  refused('token-malformed', () => decodeToken(`muster-join-${Buffer.from(unknown).toString('base64url')}`));
});

test('a refusal never shows the token', () => {
  const secret = Buffer.from(CONTENT.secret).toString('base64url');
  for (const text of [TOKEN.slice(0, -3), `${TOKEN}!`, TOKEN.slice('muster-join-'.length)]) {
    const { message } = refused('token-malformed', () => decodeToken(text));
    assert.ok(!message.includes(TOKEN.slice(20, 40)) && !message.includes(secret));
  }
});

test("a token's hash is of its secret, under a domain of its own", () => {
  assert.equal(toHex(tokenHash(CONTENT.secret)), toHex(hash('join-token', CONTENT.secret)));
  assert.notEqual(toHex(tokenHash(CONTENT.secret)), toHex(hash('api-token', CONTENT.secret)));
});

// ------------------------------------------------------------ requests

const H1 = counting(0x30, 64);
const INPUT = {
  signPublicKey: AGENT.sign.publicKey,
  boxPublicKey: AGENT.box.publicKey,
  name: 'web-1',
  labels: { role: 'web' },
  replace: true,
  epoch: EPOCH,
  hostname: 'web-1.example',
  machineId: 'm',
};

test('an enrol request opens under the handshake that it was made in', () => {
  const { request, signature } = signEnrolRequest(AGENT.sign, H1, INPUT);
  const opened = openEnrolRequest(H1, request, signature);
  assert.deepEqual([opened.name, opened.replace, { ...opened.labels }], ['web-1', true, { role: 'web' }]);
});

test('a request that is replayed into another handshake is refused', () => {
  const { request, signature } = signEnrolRequest(AGENT.sign, H1, INPUT);
  refused('bad-signature', () => openEnrolRequest(flipped(H1, 0), request, signature));
  refused('bad-signature', () => openEnrolRequest(counting(0, 64), request, signature));
});

test('a request signed by another key than the one that it brings is refused: nobody enrols the key of another', () => {
  const { request, signature } = signEnrolRequest(SIBLING.sign, H1, INPUT);
  refused('bad-signature', () => openEnrolRequest(H1, request, signature));
  const crossed = sign(AGENT.sign, 'hs-agent', H1, request);
  refused('bad-signature', () => openEnrolRequest(H1, request, crossed));
});

test('every single-byte flip of a request or its signature is refused', () => {
  const { request, signature } = signEnrolRequest(AGENT.sign, H1, INPUT);
  for (let at = 0; at < request.length; at += 1)
    assert.throws(() => openEnrolRequest(H1, flipped(request, at), signature), MusterError);
  for (let at = 0; at < signature.length; at += 1)
    refused('bad-signature', () => openEnrolRequest(H1, request, flipped(signature, at)));
});

test('a request with keys that must not enter a store is refused, before its signature is looked at', () => {
  const bad = [
    new Uint8Array(32),
    new Uint8Array(32).fill(0xff),
    Uint8Array.from([1, ...new Uint8Array(31)]),
  ];
  for (const key of bad) {
    const asSign = signEnrolRequest(AGENT.sign, H1, { ...INPUT, signPublicKey: key });
    refused('bad-key', () => openEnrolRequest(H1, asSign.request, asSign.signature));
    const asBox = signEnrolRequest(AGENT.sign, H1, { ...INPUT, boxPublicKey: key });
    refused('bad-key', () => openEnrolRequest(H1, asBox.request, asBox.signature));
  }
});

test('a request of another shape or version is refused with a code', () => {
  const shapes = [
    { signPublicKey: counting(0, 31) },
    { boxPublicKey: counting(0, 33) },
    { epoch: counting(0, 15) },
    { hostname: 'a'.repeat(254) },
    { machineId: 'a'.repeat(129) },
    { labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 'v'])) },
    { name: 'a'.repeat(5_000) },
  ];
  for (const shape of shapes) {
    const { request, signature } = signEnrolRequest(AGENT.sign, H1, { ...INPUT, ...shape });
    refused('malformed', () => openEnrolRequest(H1, request, signature));
  }
  const later = EnrolRequest.encode({ ...INPUT, version: 2 });
  refused('version-unsupported', () =>
    openEnrolRequest(H1, later, sign(AGENT.sign, 'enrol-request', H1, later)),
  );
});

// ------------------------------------------------------------ grants

const GRANT = { fleetId: FLEET, agentId: AGENT_ID, name: 'web-1', labels: { role: 'web' }, state: 'active' };

test('a grant opens with the key of the controller, and the same grant given again is the same bytes', () => {
  const { grant, signature } = signGrant(CONTROLLER, GRANT);
  const opened = openGrant(CONTROLLER.publicKey, grant, signature);
  assert.deepEqual([opened.name, opened.state, toHex(opened.agentId)], ['web-1', 'active', toHex(AGENT_ID)]);
  assert.deepEqual(signGrantBytes(CONTROLLER, grant), { grant, signature });
});

test('a grant by another key, under another domain, altered or of another version is refused', () => {
  const { grant, signature } = signGrant(CONTROLLER, GRANT);
  refused('bad-signature', () => openGrant(OPERATOR.publicKey, grant, signature));
  refused('bad-signature', () => openGrant(CONTROLLER.publicKey, grant, sign(CONTROLLER, 'order', grant)));
  for (let at = 0; at < grant.length; at += 1)
    assert.throws(() => openGrant(CONTROLLER.publicKey, flipped(grant, at), signature), MusterError);
  const later = EnrolGrant.encode({ ...GRANT, version: 2 });
  refused('version-unsupported', () =>
    openGrant(CONTROLLER.publicKey, later, sign(CONTROLLER, 'enrol-grant', later)),
  );
});

// ------------------------------------------------------------ identity

test('an agent makes two keys from injected randomness, and its id follows from fleet and sign key', () => {
  const keys = makeAgentKeys(seeded('agent keys'));
  assert.deepEqual(makeAgentKeys(seeded('agent keys')), keys);
  assert.notDeepEqual(keys.sign.privateKey, keys.box.privateKey);
  const accepted = acceptPublicKeys({ sign: keys.sign.publicKey, box: keys.box.publicKey });
  assert.equal(accepted.sign, keys.sign.publicKey);
  assert.deepEqual(idOfAgent(FLEET, AGENT.sign.publicKey), AGENT_ID);
});

test('keys of small order or another length are refused at the door of every store', () => {
  const good = { sign: AGENT.sign.publicKey, box: AGENT.box.publicKey };
  for (const bad of [new Uint8Array(32), counting(0, 31), new Uint8Array(32).fill(0xff)]) {
    refused('bad-key', () => acceptPublicKeys({ ...good, sign: bad }));
    refused('bad-key', () => acceptPublicKeys({ ...good, box: bad }));
  }
});
