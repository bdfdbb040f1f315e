import { type Import, importsOf, type Source } from './source.ts';

/** What every part of the controller may use: these know no feature. */
const GROUND = ['proto', 'controller/events', 'controller/log', 'controller/config', 'controller/loop'];
/** What a feature that keeps state may use besides. */
const STATE = [...GROUND, 'controller/db', 'controller/audit'];

/**
 * Who may import whom: a unit (a folder, or a file beside the folders) and the units or files that it may import. What
 * meets only in a composition root has no line for the other here.
 */
export const MAY_IMPORT: Record<string, readonly string[]> = {
  proto: [],
  certs: ['proto'],

  // Beside the folders.
  'controller/events': ['proto'],
  'controller/log': ['proto'],
  'controller/config': ['proto', 'controller/log'],
  'controller/loop': ['proto', 'controller/log'],
  'controller/db': GROUND,
  'controller/targeting': ['proto'],
  // YAML that people write, for whoever reads files of them.
  'controller/documents': [],
  'controller/audit': [...GROUND, 'controller/db'],
  'controller/operators': STATE,
  'controller/fleet': [...STATE, 'certs'],
  'controller/inventory': [...STATE, 'certs', 'controller/targeting'],
  'controller/enrolment': [...STATE, 'certs', 'controller/inventory'],
  // Runs in the operator's process: what it wants of the controller it asks of the API.
  // Of targeting, which is pure, its globs and its way to quote what is wrong.
  'controller/installer': [
    'proto',
    'certs',
    'controller/api/contract.ts',
    'controller/targeting',
    'controller/documents',
  ],
  'controller/jobs': [...STATE, 'certs', 'controller/inventory', 'controller/targeting'],
  // Knows nothing of jobs but their rows, which say who may fetch what; jobs and gateway declare what they need of it.
  'controller/contents': STATE,
  // Knows jobs by their tables alone: what it removes, nobody asks it about.
  'controller/retention': STATE,
  'controller/storage': STATE,
  // A root of its own: it works on a home where no controller runs, or beside one. What it settles of runs it settles as jobs does.
  'controller/backup': [...STATE, 'certs', 'controller/fleet', 'controller/jobs'],
  // In root's process on the controller's machine: of the store it asks which schema it has and whether somebody works on it.
  'controller/service': ['proto', 'controller/config', 'controller/db'],
  'controller/rollouts': [...STATE, 'controller/targeting', 'controller/jobs'],
  'controller/workflows': [...STATE, 'controller/targeting', 'controller/jobs'],
  'controller/schedules': [...STATE, 'controller/targeting', 'controller/jobs'],
  // The doors. The verbs that they need are interfaces of their own, joined to the features in the composition root.
  'controller/gateway': [...GROUND, 'certs'],
  'controller/api': GROUND,
  // Of config only what is built in, for the help of `muster serve`.
  'controller/cli': [
    'proto',
    'controller/api/contract.ts',
    'controller/serve',
    'controller/config',
    'controller/backup',
    'controller/service',
    'controller/documents',
    'controller/installer',
    // Pure: what an operator signs is made once more of what he asked for, as the controller made it.
    'controller/jobs/order.ts',
    'controller/jobs/request.ts',
    'controller/rollouts/steps.ts',
    // Pure: a list of hosts is narrowed as the fleet is.
    'controller/targeting',
  ],
  'controller/console': ['proto', 'controller/api/contract.ts'],
  // The composition root: serve joins the controller to the machine, controller.ts its parts to each other.
  'controller/main': ['controller/cli'],
  'controller/serve': ['controller/', 'certs', 'proto'],
  'controller/controller': ['controller/', 'certs', 'proto'],
  'controller/first-start': [...GROUND, 'controller/operators', 'controller/fleet'],

  'agent/log-level': [],
  'agent/config': ['proto', 'agent/log-level'],
  'agent/log': ['proto', 'agent/log-level'],
  'agent/facts-feed': ['proto'],
  'agent/identity': ['proto', 'certs'],
  'agent/link': ['proto', 'certs', 'agent/log', 'agent/identity'],
  'agent/bundle': ['proto', 'certs', 'agent/log'],
  // Fetches what tasks name, over the session: executor and link declare nothing of it but what run.ts and agent.ts join.
  'agent/contents': ['proto', 'agent/log'],
  // Tasks about services speak to the init system in the words that are kept there.
  'agent/executor': ['proto', 'agent/log', 'agent/service'],
  'agent/spool': ['proto', 'agent/log'],
  'agent/facts': ['proto', 'agent/log'],
  'agent/packages': ['proto', 'agent/log'],
  'agent/upgrade': ['proto', 'certs', 'agent/log'],
  'agent/service': ['proto', 'agent/log'],
  // Reads in the journal how its own order ended.
  'agent/leaving': ['proto', 'agent/log', 'agent/spool'],
  // The life of one run, from the opened bundle to the receipt: the one place besides the root that knows three parts.
  'agent/runs': ['proto', 'certs', 'agent/log', 'agent/bundle', 'agent/executor', 'agent/spool'],
  // join and leave are small roots of their own: they work while no agent runs.
  'agent/cli': [
    'proto',
    'certs',
    'agent/config',
    'agent/log',
    'agent/identity',
    'agent/link',
    'agent/spool/open-journal.ts',
    'agent/upgrade/installed.ts',
    'agent/run',
  ],
  'agent/main': ['proto', 'agent/cli', 'agent/run', 'agent/config'],
  'agent/run': ['agent/', 'certs', 'proto'],
  'agent/agent': ['agent/', 'certs', 'proto'],

  test: ['test', 'proto', 'certs', 'controller/', 'agent/'],
};

/** Files that may be imported only by `import()`, at the moment they are needed: the command line has to start fast. */
const ONLY_LAZILY: Record<string, string> = {
  'controller/serve.ts': 'controller/cli/',
  'controller/backup/backup.ts': 'controller/cli/',
  'controller/backup/restore.ts': 'controller/cli/',
  'controller/service/service.ts': 'controller/cli/',
};

/** These alone construct: what they import nobody else of the source does, except as a type. */
const ROOTS = [
  // Writes its line into the audit log of a home that no controller has open.
  'controller/backup/restore.ts',
  'controller/serve.ts',
  'controller/controller.ts',
  // The crowd of an install works in the operator's process.
  'controller/cli/install/carry-out.ts',
  'agent/run.ts',
  'agent/agent.ts',
];
const CONSTRUCTED = /\/engine\.ts$/;

/** `proto/x.ts` -> `proto`, `controller/db/x.ts` -> `controller/db`, `controller/log.ts` -> `controller/log`. */
export function unitOf(path: string): string {
  const [top = '', second = ''] = path.split('/');
  return top === 'controller' || top === 'agent' ? `${top}/${second.replace(/\.ts$/, '')}` : top;
}

const within = (path: string, allowed: string): boolean =>
  path === allowed || unitOf(path) === allowed || (allowed.endsWith('/') && path.startsWith(allowed));

export function layerProblems(sources: readonly Source[], mayImport = MAY_IMPORT): string[] {
  return sources.flatMap((source) => {
    const unit = unitOf(source.path);
    const allowed = mayImport[unit];
    if (allowed === undefined) return [`${source.path}: say in layers.ts what ${unit} may import`];
    return importsOf(source)
      .filter(({ file }) => file !== undefined && unitOf(file) !== unit)
      .filter(({ file = '' }) => !allowed.some((one) => within(file, one)))
      .map(({ specifier }) => `${source.path}: ${unit} may not import ${specifier}`);
  });
}

export function lazinessProblems(sources: readonly Source[]): string[] {
  return sources.flatMap((source) =>
    importsOf(source)
      .filter(({ file = '', kind }) => kind === 'value' && source.path.startsWith(ONLY_LAZILY[file] ?? '\n'))
      .map(({ specifier }) => `${source.path}: ${specifier} is imported by import() only, when it is needed`),
  );
}

export function constructionProblems(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => !path.startsWith('test/') && !ROOTS.includes(path))
    .flatMap((source) =>
      importsOf(source)
        .filter(({ file = '', kind }) => kind !== 'type' && CONSTRUCTED.test(file))
        .filter(({ file = '' }) => unitOf(file) !== unitOf(source.path))
        .map(({ specifier }) => `${source.path}: only the composition root constructs ${specifier}`),
    );
}

/** Files that import each other in a circle, at run time. */
export function cycleProblems(sources: readonly Source[]): string[] {
  const edges = new Map(sources.map((source) => [source.path, importsOf(source).filter(isStatic)]));
  const done = new Set<string>();
  const problems: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) problems.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
    if (trail.includes(path) || done.has(path)) return;
    for (const { file = '' } of edges.get(path) ?? []) visit(file, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return problems;
}

const isStatic = ({ kind, file }: Import): boolean => kind === 'value' && file !== undefined;
