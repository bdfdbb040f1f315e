/**
 * `relay-process.ts HOST PORT DELAY_MS`: a slow way to a TCP port. Every byte arrives so much later, in either direction. Says the port
 * on which it listens, on HOST too.
 */
import { connect, createServer, type Socket } from 'node:net';

const [host = '', port = '', delay = ''] = process.argv.slice(2);
const delayMs = Number(delay);
const HELD_MAX_BYTES = 1024 * 1024;

function carry(from: Socket, to: Socket): void {
  let held = 0;
  from.on('data', (data) => {
    held += data.length;
    if (held > HELD_MAX_BYTES) from.pause();
    setTimeout(() => {
      to.write(data);
      held -= data.length;
      if (held <= HELD_MAX_BYTES) from.resume();
    }, delayMs);
  });
  from.on('close', () => setTimeout(() => to.destroy(), delayMs));
  from.on('error', () => {});
}

const server = createServer((near) => {
  const far = connect(Number(port), host);
  carry(near, far);
  carry(far, near);
});
server.listen(0, host, () => {
  const address = server.address();
  console.log(typeof address === 'object' && address ? address.port : '');
});
