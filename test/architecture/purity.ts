import { codeOf, importsOf, packageOf, type Source } from './source.ts';

/** Files of these names hold decisions: what they and all that they import at run time do depends on their arguments only. */
const PURE =
  /\/(?:plan|reconcile|step|due|state|match|parse|selector|glob|limit|job|run|window|rollout|host|agent|operator|order|waves|windows|gate|observe|schedule|zone)\.ts$/;
/** Composition roots and commands have names of the same kind. */
const NOT_PURE = /^agent\/(?:agent|run)\.ts$|\/cli\//;

/** What of Node a pure file may reach: nothing that is outside the process. */
const HARMLESS = [
  'node:path',
  'node:util',
  'node:buffer',
  'node:crypto',
  'tweetnacl',
  'protobufjs',
  'saxes', // text in, calls out
];

export function purityProblems(sources: readonly Source[]): string[] {
  const byPath = new Map(
    sources.map((source) => [source.path, importsOf(source).filter(({ kind }) => kind !== 'type')]),
  );
  const problemsOf = (path: string, trail: readonly string[]): string[] =>
    (byPath.get(path) ?? []).flatMap(({ file, specifier }) => {
      if (file === undefined) {
        return HARMLESS.includes(packageOf(specifier))
          ? []
          : [`${trail.join(' -> ')}: a pure file reaches ${specifier}`];
      }
      if (file === 'proto/system.ts')
        return [`${trail.join(' -> ')}: a pure file takes its clock as an argument`];
      return trail.includes(file) ? [] : problemsOf(file, [...trail, file]);
    });
  return [...byPath.keys()]
    .filter((path) => PURE.test(path) && !path.startsWith('test/') && !NOT_PURE.test(path))
    .flatMap((path) => problemsOf(path, [path]));
}

interface Reach {
  what: RegExp;
  files: readonly string[];
  why: string;
}

/** What is global in Node, and so needs no import to reach out of the process. */
const GLOBALS: readonly Reach[] = [
  {
    what: /\bDate\.now\b|\bnew Date\(\s*\)|(?<!\.|new )\bDate\(|\bperformance\.(?:now|timeOrigin)\b|\bprocess\.hrtime\b/,
    files: ['proto/system.ts'],
    why: 'the time comes from a Clock',
  },
  {
    what: /(?<![.\w])(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b(?!\s*[?:])|\bprocess\.nextTick\b|\bAbortSignal\.timeout\b/,
    files: [
      'proto/system.ts',
      'controller/serve.ts',
      'agent/run.ts',
      'agent/cli/process-surroundings.ts', // ends this process, whatever the clock says
      'agent/link/transport.ts', // a socket that does not close in time is cut, whatever the clock says
    ],
    why: 'waiting is done by a Clock',
  },
  {
    what: /\bMath\.random\b|\bcrypto\.(?:getRandomValues|randomUUID|randomBytes)\b/,
    files: [],
    why: 'randomness comes from RandomBytes, so that a seed replays',
  },
  { what: /\bcrypto\.subtle\b/, files: ['certs/tls.ts'], why: 'keys of certificates are made in one place' },
  {
    what: /(?<![.\w])fetch\(|\bnew WebSocket\b|\bnew EventSource\b/,
    files: ['agent/link/transport.ts'],
    why: 'sockets are opened by adapters',
  },
  {
    what: /(?<![.\w])process\.(?:env|argv|cwd|chdir|exit|exitCode|abort|kill|on|once|off|umask|stdin|stdout|stderr|getuid|getgid|memoryUsage)\b/,
    files: [
      'controller/main.ts',
      'controller/serve.ts',
      'controller/backup/folder.ts', // what SQLite makes for a backup is for its owner alone
      'controller/api/probe.ts',
      'controller/cli/process-surroundings.ts',
      'controller/cli/agent-process.ts',
      'controller/installer/builds/injector.ts', // an entry of its own
      'controller/installer/builds/processes.ts',
      'controller/cli/tree/controller-commands.ts',
      'agent/main.ts',
      'agent/run.ts',
      'agent/config.ts',
      'agent/cli/process-surroundings.ts',
      'agent/facts/system.ts',
      'agent/leaving/local.ts', // from what it was started
      'agent/executor/account.ts',
      'agent/executor/proc.ts',
    ],
    why: 'the process is reached by the entries, the composition roots and a few adapters',
  },
];

export function globalProblems(sources: readonly Source[], globals = GLOBALS): string[] {
  return sources
    .filter(({ path }) => !path.startsWith('test/'))
    .flatMap(({ path, text }) => {
      const lines = codeOf(text).split('\n');
      return globals
        .filter(({ files }) => !files.includes(path))
        .flatMap(({ what, why }) =>
          lines.flatMap((line, index) => {
            const found = what.exec(line);
            return found === null ? [] : [`${path}:${index + 1}: ${found[0].trim()}: ${why}`];
          }),
        );
    });
}
