import { importsOf, packageOf, type Source } from './source.ts';

interface Door {
  /** Files, or folders with a slash at the end. */
  files: readonly string[];
  why: string;
  /** Where its types may be named besides. */
  typesIn?: RegExp;
}

/** Each outside package, and what of Node reaches the machine, with the only files that may import it. */
export const DOORS: Record<string, Door> = {
  tweetnacl: { files: ['proto/crypto.ts'], why: 'one file knows how bytes are signed and sealed' },
  'node:crypto': {
    files: [
      'proto/crypto.ts',
      'proto/system.ts', // its randomness
      // Reading a certificate that TLS brought, to pin it.
      'controller/cli/pinning.ts',
      'controller/cli/login-command.ts',
      'controller/cli/probe.ts',
      'controller/installer/ssh/pkcs8.ts', // another form of an operator's own key
      'controller/cli/output/collector.ts', // a digest that tells equal outputs, without loading proto/crypto.ts
    ],
    why: 'one file knows how bytes are signed and sealed',
  },
  protobufjs: { files: ['proto/codec.ts'], why: 'strictness is decided in one place' },
  '@peculiar/x509': { files: ['certs/tls.ts'], why: 'certificates are made in one place' },
  'reflect-metadata': { files: ['certs/tls.ts'], why: '@peculiar/x509 wants it loaded first' },
  ws: {
    files: ['controller/gateway/socket.ts', 'agent/link/transport.ts'],
    why: 'one adapter at each end of the wire',
  },
  kysely: {
    files: ['controller/db/compile.ts', 'controller/db/schema.ts', 'controller/db/schema-rollouts.ts'],
    why: 'it only compiles; another database is another dialect there',
    typesIn: /^controller\/\w+\/store\.ts$/,
  },
  'node:sqlite': {
    files: ['controller/db/', 'agent/spool/sqlite.ts', 'agent/spool/schema.ts'],
    why: 'what is stored goes through the store',
  },
  fastify: { files: ['controller/api/'], why: 'features know no HTTP' },
  zod: {
    files: [
      'controller/api/',
      'controller/backup/manifest.ts',
      'controller/inventory/facts-shape.ts',
      'controller/installer/builds/',
      'controller/cli/bundle/probe.ts',
      'controller/cli/bundle/shape.ts',
      'controller/cli/bundle/values.ts',
      'controller/cli/install/report-shape.ts',
      'controller/cli/patch/answer-shape.ts', // what hosts answer
      'controller/cli/patch/plan-file-shape.ts',
      'controller/cli/patch/package-shapes.ts', // what the two have in common
      'controller/cli/rollout/shape.ts',
      'controller/installer/inventory/hosts-shape.ts',
    ],
    why: 'shapes that others can get wrong',
  },
  yaml: {
    files: ['controller/documents/'],
    why: 'what of YAML is taken is decided in one place',
  },
  saxes: {
    files: ['agent/packages/zypper/xml.ts'],
    why: 'of XML only what a package manager answers is read',
  },
  'tar-stream': {
    files: [
      'agent/executor/tasks/collect.ts',
      'controller/cli/content/unpack.ts',
      'controller/backup/archive.ts',
      'controller/installer/builds/archive.ts',
    ],
    why: "each kind of archive has one file: what machines send back, at its two ends, backups, and npm's",
  },
  'node-ssh': {
    files: ['controller/installer/ssh/session.ts'],
    why: 'one file opens connections, and knows what it leaves unsaid',
  },
  ssh2: {
    files: ['controller/installer/ssh/'],
    why: 'as node-ssh',
  },
  commander: {
    files: ['controller/cli/', 'agent/cli/'],
    why: 'only the command lines parse arguments',
  },
  pino: {
    files: ['controller/log.ts', 'agent/log.ts'],
    why: 'who logs takes a Log',
    typesIn: /^controller\/api\//,
  },

  'node:fs': {
    files: [
      'controller/first-start.ts',
      'controller/fleet/files.ts',
      'controller/backup/folder.ts',
      'controller/contents/disk.ts',
      'controller/service/system.ts',
      'controller/service/own-program.ts',
      'controller/cli/files.ts',
      'controller/cli/content/local-file.ts',
      'controller/cli/content/unpack.ts',
      'controller/installer/ssh/known-hosts-file.ts',
      'controller/cli/agent-process.ts',
      'controller/cli/quickstart-command.ts',
      'controller/installer/builds/',
      'agent/facts/system.ts',
      'agent/identity/',
      'agent/leaving/local.ts',
      'agent/packages/system.ts',
      'agent/executor/',
      'agent/contents/disk.ts',
      'agent/spool/kept-files.ts',
      'agent/spool/mark.ts',
      'agent/spool/open-journal.ts',
      'agent/spool/sqlite.ts',
      'agent/upgrade/program-folder.ts',
      'agent/cli/',
      'agent/run.ts',
    ],
    why: 'files are read and written by adapters, given to who needs them',
  },
  'node:child_process': {
    files: [
      'controller/cli/agent-process.ts',
      'controller/installer/builds/processes.ts',
      'controller/service/system.ts',
      'agent/executor/spare.ts',
      'agent/executor/account.ts',
      'agent/leaving/removal.ts',
    ],
    why: 'processes are started by adapters',
  },
  'node:zlib': {
    files: [
      'agent/executor/record.ts', // how a log is checked
      'agent/upgrade/program-folder.ts',
      'agent/packages/system.ts', // logs that were rotated
      'controller/installer/builds/', // how builds travel
    ],
    why: 'each thing is packed and unpacked in one place',
  },
  postject: {
    files: ['controller/installer/builds/injector.ts'],
    why: 'it runs in a process of its own, for its memory and its noise',
  },
  'node:net': {
    files: [
      'proto/probe-socket.ts',
      'controller/rollouts/reach.ts', // addresses are compared
      'controller/cli/context.ts',
      'controller/cli/probe.ts',
      'controller/installer/ssh/socket.ts',
      'agent/executor/fifo.ts',
      'agent/link/tunnel.ts',
    ],
    why: 'sockets are opened by adapters',
  },
  'node:dns': { files: ['proto/probe-socket.ts'], why: 'as node:net' },
  'node:tls': {
    files: [
      'proto/probe-socket.ts',
      'controller/cli/pinning.ts',
      'controller/cli/probe.ts',
      'agent/link/tunnel.ts',
    ],
    why: 'as node:net',
  },
  'node:http': {
    files: [
      'proto/probe-socket.ts',
      'controller/serve.ts',
      'controller/cli/client.ts',
      'controller/api/app.ts',
      'agent/link/tunnel.ts',
    ],
    why: 'as node:net',
  },
  'node:https': {
    files: [
      'proto/probe-socket.ts',
      'controller/serve.ts',
      'controller/cli/client.ts',
      'agent/link/tunnel.ts',
    ],
    why: 'as node:net',
  },
  'node:os': {
    files: [
      'proto/system.ts',
      'controller/serve.ts',
      'controller/cli/process-surroundings.ts',
      'agent/config.ts',
      'agent/cli/process-surroundings.ts',
      'agent/facts/system.ts',
      'agent/executor/launcher.ts',
      'agent/executor/shim.ts',
    ],
    why: 'what the machine is comes in through an interface',
  },
  'node:readline': {
    files: ['controller/cli/process-surroundings.ts', 'agent/cli/process-surroundings.ts'],
    why: 'one file holds the terminal',
  },
  'node:tty': {
    files: ['controller/cli/process-surroundings.ts', 'agent/cli/process-surroundings.ts'],
    why: 'one file holds the terminal',
  },
  'node:perf_hooks': { files: ['controller/api/probe.ts'], why: 'one adapter measures the event loop' },
};

/** What of Node reaches nothing outside the process. */
const HARMLESS = ['node:path', 'node:util', 'node:buffer', 'node:stream', 'node:events', 'node:url'];

export function doorProblems(sources: readonly Source[], doors = DOORS): string[] {
  return inSource(sources).flatMap((source) =>
    importsOf(source)
      .filter(({ file }) => file === undefined)
      .flatMap(({ specifier, kind }) => {
        const name = packageOf(specifier);
        if (HARMLESS.includes(name)) return [];
        const door = doors[name];
        if (door === undefined) return [`${source.path}: say in doors.ts which files may import ${name}`];
        if (listed(source.path, door.files)) return [];
        if (kind === 'type' && (name.startsWith('node:') || door.typesIn?.test(source.path))) return [];
        return [`${source.path}: ${name} is not for this file (doors.ts): ${door.why}`];
      }),
  );
}

/** Doors to files that are gone. */
export function deadDoors(sources: readonly Source[], doors = DOORS): string[] {
  const used = sources.flatMap((source) =>
    importsOf(source).map(({ specifier }) => [source.path, packageOf(specifier)]),
  );
  return Object.entries(doors).flatMap(([name, { files }]) =>
    files
      .filter((file) => !used.some(([path = '', specifier]) => specifier === name && listed(path, [file])))
      .map((file) => `doors.ts: ${file} does not import ${name} (any more)`),
  );
}

const inSource = (sources: readonly Source[]): Source[] =>
  sources.filter(({ path }) => !path.startsWith('test/'));

const listed = (path: string, files: readonly string[]): boolean =>
  files.some((file) => file === path || (file.endsWith('/') && path.startsWith(file)));
