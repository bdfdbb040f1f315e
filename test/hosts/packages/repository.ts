/** A repository of apt's kind on loopback, with a security suite, whose contents a test changes and which can die in the middle. */
import { createHash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Deb } from './deb.ts';

export type Suite = 'stable' | 'stable-security';
const SUITES: readonly Suite[] = ['stable', 'stable-security'];
const LABELS: Readonly<Record<Suite, string>> = { stable: 'Debian', 'stable-security': 'Debian-Security' };

export type Fault =
  | 'none'
  /** Nobody is there. */
  | 'down'
  /** Every package breaks off after this many bytes, and from then on nobody is there. */
  | { readonly dieAfterBytes: number };

export interface Repository {
  /** The content of a host's sources.list. */
  readonly sources: string;
  /** What is there from now on, and nothing else; lists that a host has are not changed by that. */
  publish(suite: Suite, debs: readonly Deb[]): void;
  /** Besides what is there. */
  add(suite: Suite, ...debs: readonly Deb[]): void;
  remove(suite: Suite, name: string, version?: string): void;
  fault: Fault;
  /** The paths that were asked for since it was looked at last. */
  asked(): string[];
}

export async function startRepository(t: { after(fn: () => unknown): void }): Promise<Repository> {
  const suites = new Map<Suite, readonly Deb[]>(SUITES.map((suite) => [suite, []]));
  const asked: string[] = [];
  let serial = 0;
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '').replace(/^\//, '');
    asked.push(path);
    const { fault } = repository;
    if (fault === 'down') return void response.destroy();
    const body = contentOf(path);
    if (body === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-length': body.length });
    if (typeof fault === 'object' && path.startsWith('pool/')) return dieDuring(response, body, fault);
    response.end(body);
  });

  function dieDuring(response: ServerResponse, body: Buffer, { dieAfterBytes }: { dieAfterBytes: number }) {
    response.write(body.subarray(0, dieAfterBytes), () => {
      repository.fault = 'down';
      response.destroy();
    });
  }

  function contentOf(path: string): Buffer | undefined {
    if (path.startsWith('pool/')) {
      const all = [...suites.values()].flat();
      return all.find(({ fileName }) => `pool/${fileName}` === path)?.bytes;
    }
    for (const suite of SUITES) {
      if (path === `dists/${suite}/Release`) return Buffer.from(release(suite));
      if (path === `dists/${suite}/main/binary-amd64/Packages`) return index(suite);
      if (path === `dists/${suite}/main/binary-arm64/Packages`) return index(suite);
    }
    return undefined;
  }

  function index(suite: Suite): Buffer {
    return Buffer.from((suites.get(suite) ?? []).map(({ paragraph }) => paragraph).join('\n'));
  }

  /** Its date moves with every change: apt does not take an older one for news. */
  function release(suite: Suite): string {
    const body = index(suite);
    const digest = createHash('sha256').update(body).digest('hex');
    const lines = ['amd64', 'arm64'].map((arch) => ` ${digest} ${body.length} main/binary-${arch}/Packages`);
    return [
      `Origin: Debian`,
      `Label: ${LABELS[suite]}`,
      `Suite: ${suite}`,
      `Codename: ${suite}`,
      `Version: 12`,
      `Date: ${new Date(Date.UTC(2026, 0, 1) + serial * 1000).toUTCString()}`,
      'Architectures: amd64 arm64',
      'Components: main',
      'SHA256:',
      ...lines,
      '',
    ].join('\n');
  }

  const repository: Repository = {
    sources: '',
    publish(suite, debs) {
      suites.set(suite, debs);
      serial += 1;
    },
    add: (suite, ...debs) => repository.publish(suite, [...(suites.get(suite) ?? []), ...debs]),
    remove(suite, name, version) {
      const isMeant = ({ spec }: Deb) =>
        spec.name === name && (version === undefined || spec.version === version);
      repository.publish(
        suite,
        (suites.get(suite) ?? []).filter((deb) => !isMeant(deb)),
      );
    },
    fault: 'none',
    asked: () => asked.splice(0),
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const sources = SUITES.map((suite) => `deb [trusted=yes] http://127.0.0.1:${port} ${suite} main\n`).join(
    '',
  );
  return Object.assign(repository, { sources });
}
