/** The outer TLS: a real https server on loopback, node's own client that pins the authority, and openssl where it is. */
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { type AddressInfo, isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { type Certified, fingerprintOf, issueServer, makeAuthority, needsRenewal } from '../../certs/tls.ts';
import { seeded } from '../proto/fixture.ts';

const DAY_MS = 86_400_000;
const HOSTS = [
  'localhost',
  '127.0.0.1',
  '::1',
  'controller.example',
  '*.fleet.example',
  '2001:db8::7',
  '::ffff:10.1.2.3',
];
// TLS clients judge validity by the real clock.
const NOW_MS = Date.now();

const random = seeded('tls');
const authority = await makeAuthority({ random, now: NOW_MS, days: 3650, name: 'Muster test authority' });
const server = await issueServer({ random, authority, hosts: HOSTS, now: NOW_MS, days: 90 });

const folder = mkdtempSync(join(tmpdir(), 'muster-tls-'));
after(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

/** The reply of an https server with this certificate to a client that trusts `ca` and asks for `name`. */
async function ask(certified: Certified, ca: string, name: string): Promise<string> {
  const listener = createServer({ cert: certified.certPem, key: certified.keyPem }, (_, response) =>
    response.end('hello'),
  );
  // A client that refuses the certificate ends the handshake; that is the test, not an error of the server's.
  listener.on('tlsClientError', () => undefined);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  try {
    const { port } = listener.address() as AddressInfo;
    const socket = connect({ host: '127.0.0.1', port, ca, ...(isIP(name) ? {} : { servername: name }) });
    await once(socket, 'secureConnect');
    socket.end('GET / HTTP/1.0\r\n\r\n');
    let reply = '';
    for await (const piece of socket.setEncoding('utf8')) reply += piece;
    return reply;
  } finally {
    listener.close();
    listener.closeAllConnections();
  }
}

test('a client that pins the authority reaches the server by name, by wildcard and by address', async () => {
  for (const name of ['localhost', 'controller.example', 'a.fleet.example', '127.0.0.1'])
    assert.match(await ask(server, authority.certPem, name), /hello$/, name);
});

test('a client refuses a name that the certificate has not, and an authority that is another', async () => {
  await assert.rejects(ask(server, authority.certPem, 'elsewhere.example'), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  });
  const other = await makeAuthority({ random, now: NOW_MS, days: 10, name: 'Muster test authority' });
  await assert.rejects(ask(server, other.certPem, 'localhost'));
});

test('a client refuses a server whose certificate is over', async () => {
  const old = await issueServer({ random, authority, hosts: HOSTS, now: NOW_MS - 3 * DAY_MS, days: 1 });
  await assert.rejects(ask(old, authority.certPem, 'localhost'), { code: 'CERT_HAS_EXPIRED' });
});

test('the certificates have the extensions of RFC 5280, critical where it asks', () => {
  const [leaf, ca] = [new X509Certificate(server.certPem), new X509Certificate(authority.certPem)];
  assert.ok(ca.ca && !leaf.ca);
  assert.ok(leaf.checkIssued(ca) && leaf.verify(ca.publicKey) && ca.verify(ca.publicKey));
  assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1'], 'a server, and nothing else');
  assert.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  assert.equal(
    leaf.subjectAltName,
    'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:controller.example, DNS:*.fleet.example, IP Address:2001:DB8:0:0:0:0:0:7, IP Address:0:0:0:0:0:FFFF:A01:203',
  );
  assert.equal(ca.subject, 'CN=Muster test authority');
  const chain = server.certPem.match(/-----BEGIN CERTIFICATE-----/g);
  assert.equal(chain?.length, 2, 'the server sends its authority too');
  assert.ok(server.certPem.includes(authority.certPem.trim()));
});

test('serial numbers are 16 bytes, positive, from the injected randomness, and differ', async () => {
  const serials = new Set<string>();
  for (const fill of [0x00, 0x7f, 0x80, 0xff]) {
    const one = await makeAuthority({
      random: (length) => new Uint8Array(length).fill(fill),
      now: NOW_MS,
      days: 1,
      name: 'a',
    });
    const { serialNumber } = new X509Certificate(one.certPem);
    assert.match(serialNumber, /^[4-7][0-9A-F]{31}$/);
    serials.add(serialNumber);
  }
  assert.equal(serials.size, 4);
  assert.notEqual(
    new X509Certificate(server.certPem).serialNumber,
    new X509Certificate(authority.certPem).serialNumber,
  );
});

test('a certificate begins an hour ago, ends after its days, and never after its authority', async () => {
  const now = Date.UTC(2026, 10, 23, 6, 0, 0, 789);
  const ca = await makeAuthority({ random, now, days: 40 * 365, name: 'long' });
  const [short, long] = await Promise.all(
    [90, 50 * 365].map((days) => issueServer({ random, authority: ca, hosts: ['a'], now, days })),
  );
  assert.ok(short && long);
  const times = (pem: string): string[] => {
    const { validFromDate, validToDate } = new X509Certificate(pem);
    return [validFromDate.toISOString(), validToDate.toISOString()];
  };
  assert.deepEqual(times(short.certPem), ['2026-11-23T05:00:00.000Z', '2027-02-21T06:00:00.000Z']);
  assert.deepEqual(times(long.certPem), times(ca.certPem));
  assert.equal(times(ca.certPem)[1]?.slice(0, 4), '2066', 'past 2049, where the encoding of times changes');
});

test('a server is not issued without hosts, for what is no host, or by an authority that is over', async () => {
  const issue = (hosts: string[], now = NOW_MS): Promise<Certified> =>
    issueServer({ random, authority, hosts, now, days: 1 });
  await assert.rejects(issue([]), RangeError);
  for (const host of [
    '',
    'a b',
    'a,b',
    'fe80::1%eth0',
    ':::',
    '::1]',
    '[::1]',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '*',
    'a..b',
    'https://a',
    'a\n',
    'ä.example',
    'x'.repeat(254),
  ])
    await assert.rejects(issue([host]), RangeError, JSON.stringify(host));
  await assert.rejects(issue(['a'], NOW_MS + 3651 * DAY_MS), RangeError);
  for (const name of ['', 'a "quoted" name', 'CN=x', 'a'.repeat(65), 'a\n'])
    await assert.rejects(makeAuthority({ random, now: NOW_MS, days: 1, name }), RangeError, name);
});

test('a certificate is renewed in the last third of its life, for a host that it lacks, and when it cannot be read', async () => {
  const renew = (hosts: string[], now = NOW_MS, pem = server.certPem): Promise<boolean> =>
    needsRenewal(pem, hosts, now);
  assert.equal(await renew(HOSTS), false);
  assert.equal(
    await renew(['LOCALHOST', '0:0:0:0:0:0:0:1', '2001:DB8:0::7', '::FFFF:10.1.2.3']),
    false,
    'however they are written',
  );
  assert.equal(await renew([...HOSTS, 'new.example']), true);
  assert.equal(await renew(['10.0.0.1']), true);
  assert.equal(await renew(HOSTS, NOW_MS + 59 * DAY_MS), false);
  assert.equal(await renew(HOSTS, NOW_MS + 61 * DAY_MS), true);
  assert.equal(await renew(HOSTS, NOW_MS + 91 * DAY_MS), true);
  assert.equal(await renew(HOSTS, NOW_MS - DAY_MS), true, 'not valid yet');
  for (const pem of ['', 'nonsense', server.certPem.slice(0, 200), server.keyPem])
    assert.equal(await renew(HOSTS, NOW_MS, pem), true);
});

test('a fingerprint is that of the first certificate, as node prints it', async () => {
  assert.equal(await fingerprintOf(authority.certPem), new X509Certificate(authority.certPem).fingerprint256);
  assert.equal(await fingerprintOf(server.certPem), new X509Certificate(server.certPem).fingerprint256);
  await assert.rejects(fingerprintOf(server.keyPem), TypeError);
  await assert.rejects(fingerprintOf(''), TypeError);
});

test('the X.509 library is loaded when a certificate is made, and not before', async () => {
  const program = `
    import { registerHooks } from 'node:module';
    let loaded = 0;
    registerHooks({ load(url, context, next) { if (/@peculiar|reflect-metadata/.test(url)) loaded += 1; return next(url, context); } });
    const tls = await import(${JSON.stringify(new URL('../../certs/tls.ts', import.meta.url).href)});
    await tls.fingerprintOf(${JSON.stringify(server.certPem)});
    const before = loaded;
    await tls.needsRenewal('', [], 0);
    process.stdout.write(before + ' ' + (loaded > 0));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  assert.equal(stdout, '0 true');
});

const openssl = spawnSync('openssl', ['version']).status === 0;

test('openssl verifies the chain strictly, as a server, for each name', {
  skip: openssl ? false : 'openssl is not here: apt-get install openssl',
}, () => {
  const [ca, chain] = [file('ca.pem', authority.certPem), file('server.pem', server.certPem)];
  const key = file('server.key', server.keyPem);
  const verify = (...more: string[]): string =>
    execFileSync(
      'openssl',
      ['verify', '-x509_strict', '-purpose', 'sslserver', ...more, '-CAfile', ca, chain],
      {
        encoding: 'utf8',
        stdio: 'pipe',
      },
    );
  assert.match(verify('-verify_hostname', 'controller.example'), /: OK/);
  assert.match(verify('-verify_ip', '2001:db8::7'), /: OK/);
  assert.throws(() => verify('-verify_hostname', 'elsewhere.example'), /hostname mismatch/i);
  const text = execFileSync('openssl', ['x509', '-in', chain, '-noout', '-text'], { encoding: 'utf8' });
  for (const line of [
    /Basic Constraints: critical\s+CA:FALSE/,
    /X509v3 Key Usage: critical\s+Digital Signature\n/,
    /Extended Key Usage: \s+TLS Web Server Authentication\n/,
    /Subject Key Identifier/,
    /Authority Key Identifier/,
  ])
    assert.match(text, line);
  const caText = execFileSync('openssl', ['x509', '-in', ca, '-noout', '-text'], { encoding: 'utf8' });
  assert.match(caText, /Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
  assert.match(caText, /X509v3 Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
  execFileSync('openssl', ['pkey', '-in', key, '-check', '-noout'], { stdio: 'pipe' });
});
