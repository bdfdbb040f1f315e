/** What a remote command costs at the least: a websocket over TLS that echoes, and a spawn, with nothing around them. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { issueServer, makeAuthority } from '../../certs/tls.ts';
import { systemClock, systemRandom } from '../../proto/system.ts';
import { answer, sharedMs } from './child.ts';

export interface BareRequests {
  /** The address of a websocket server that sends back what it gets. */
  listen(): Promise<string>;
  /** Milliseconds from the call of spawn to the end of the process and its output. */
  spawn(argv: readonly [string, ...string[]]): Promise<number>;
}

const requests: BareRequests = {
  async listen() {
    const common = { random: systemRandom, now: systemClock.now(), days: 1 };
    const authority = await makeAuthority({ ...common, name: 'bench' });
    const { certPem, keyPem } = await issueServer({ ...common, authority, hosts: ['127.0.0.1'] });
    const server = createServer({ cert: certPem, key: keyPem, minVersion: 'TLSv1.2' });
    new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket) =>
      socket.on('message', (data: Buffer) => socket.send(data)),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `wss://127.0.0.1:${(server.address() as AddressInfo).port}`;
  },
  spawn: ([program, ...args]) =>
    new Promise((resolve, reject) => {
      const from = sharedMs();
      const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
      child.stdout.resume();
      child.stderr.resume();
      child.once('error', reject);
      child.once('close', () => resolve(sharedMs() - from));
    }),
};

answer({ ...requests }, () => {});
