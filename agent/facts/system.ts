import { constants } from 'node:fs';
import { access, open, readlink, statfs } from 'node:fs/promises';
import { hostname, machine, networkInterfaces, userInfo } from 'node:os';
import { sha512 } from '../../proto/crypto.ts';
import type { DiskSize, FactSource, NetworkAddress } from './probe.ts';

/** The machine itself. */
export function systemSource(): FactSource {
  const asking = new Set<string>();

  /**
   * A dead disk holds one of the few threads that Node has for files for as long as it stays dead; while one question is
   * open, the same one is not asked again, so that it can never hold them all.
   */
  async function sizeOf(path: string): Promise<DiskSize | undefined> {
    if (asking.has(path)) return undefined;
    asking.add(path);
    try {
      const { bsize, blocks, bavail } = await statfs(path);
      return { totalBytes: blocks * bsize, availableBytes: bavail * bsize };
    } finally {
      asking.delete(path);
    }
  }

  return {
    readText,
    exists: (path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    readLink: (path) => readlink(path).catch(() => undefined),
    statfs: sizeOf,
    networkInterfaces: networkAddresses,
    hostname,
    machine,
    user: () => {
      const uid = process.getuid?.();
      return uid === undefined ? undefined : { uid, name: userName() };
    },
    nodeVersion: () => process.version,
    sha512,
  };
}

/** Regular files only, and opened without waiting: a FIFO in their place must not hold the agent up. */
async function readText(path: string, maxBytes: number): Promise<string | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined);
  if (!file) return undefined;
  try {
    if (!(await file.stat()).isFile()) return undefined;
    const chunks: Buffer[] = [];
    for (let left = maxBytes; left > 0; ) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(Math.min(left, 16 * 1024)));
      if (bytesRead === 0) break;
      chunks.push(buffer.subarray(0, bytesRead));
      left -= bytesRead;
    }
    return Buffer.concat(chunks).toString('utf8');
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}

function networkAddresses(): NetworkAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).map(({ address, cidr, family, internal, mac }) => ({
      interface: name,
      family: family === 'IPv4' ? ('ipv4' as const) : ('ipv6' as const),
      address,
      prefix: cidr === null ? undefined : Number(cidr.slice(cidr.lastIndexOf('/') + 1)),
      mac,
      internal,
    })),
  );
}

/** A uid need not have a name. */
function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}
