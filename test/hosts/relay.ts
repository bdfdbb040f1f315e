import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Relay {
  readonly address: string;
  readonly port: number;
  /** Nothing passes any more, in neither direction, and nobody is told. */
  stall(): void;
  /** All connections break. */
  cut(): void;
  /** Connections that are open. */
  readonly open: number;
}

export interface RelayOptions {
  /** So many bytes to the host, then the connection breaks. */
  readonly cutAfterBytes?: number;
}

/** A way to a host's port that a test can break. */
export async function startRelay(
  t: { after(fn: () => unknown): void },
  to: { address: string; port: number },
  { cutAfterBytes = Number.POSITIVE_INFINITY }: RelayOptions = {},
): Promise<Relay> {
  const sockets = new Set<Socket>();
  let isStalled = false;
  function keep(socket: Socket, other: Socket): void {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      sockets.delete(socket);
      other.destroy();
    });
  }
  const server = createServer((near) => {
    const far = connect(to.port, to.address);
    keep(near, far);
    keep(far, near);
    let passed = 0;
    near.on('data', (data) => {
      if (isStalled) return;
      passed += data.length;
      if (passed > cutAfterBytes) near.destroy();
      else if (!far.write(data)) near.pause();
    });
    far.on('drain', () => near.resume());
    far.on('data', (data) => {
      if (!isStalled) near.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  t.after(() => {
    cut();
    server.close();
  });
  return {
    address: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    stall() {
      isStalled = true;
    },
    cut,
    get open() {
      return sockets.size / 2;
    },
  };
}
