/**
 * Stands in for apk(8), which no distribution but Alpine has: it says what apk 2.14 says, by its source (src/commit.c, app_version.c,
 * app_policy.c), and keeps a world and a database as apk does. Its repository is /repo/index.json. No network, no signatures.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

interface Package {
  readonly name: string;
  readonly version: string;
  readonly depends?: readonly string[];
  /** Its script fails. */
  readonly isSick?: boolean;
}

const WORLD = '/etc/apk/world';
const DATABASE = '/lib/apk/db/installed';
const all = process.argv.slice(2).filter((word) => word !== '--' && word !== '--no-progress');
const at = all.indexOf('--wait');
if (at >= 0) all.splice(at, 2);
const [applet = '', ...rest] = all;
const options = rest.filter((word) => word.startsWith('-'));
const words = rest.filter((word) => !word.startsWith('-'));

const isDown = existsSync('/repo/down');
const index: Package[] = JSON.parse(readFileSync('/repo/index.json', 'utf8'));
const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');
const installed = new Map<string, Package & { broken: boolean }>(
  read(DATABASE)
    .split('\n\n')
    .flatMap((text) => {
      const field = (key: string) => new RegExp(`^${key}:(.*)$`, 'm').exec(text)?.[1];
      const name = field('P');
      if (name === undefined) return [];
      const depends = (field('D') ?? '').split(' ').filter((one) => one !== '');
      return [[name, { name, version: field('V') ?? '', depends, broken: field('f') !== undefined }]];
    }),
);
const worldNow = read(WORLD)
  .split(/\s+/)
  .filter((word) => word !== '');
const nameOf = (dependency: string) => dependency.replace(/^!/, '').replace(/[<>=~].*$/, '');
const rank = (version: string) => Number(version.replace('-r', '.'));
const fail = (...lines: string[]): never => {
  process.stderr.write(`${lines.join('\n')}\n`);
  process.exit(1);
};

/** An archive is its own entry of the index. */
function archive(path: string): Package {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function solve(world: readonly string[], files: readonly Package[], newest: ReadonlySet<string>): Package[] {
  const chosen = new Map<string, Package>();
  const known = (name: string) =>
    [...files, ...index, ...installed.values()].filter((one) => one.name === name);
  const refuse = (text: string, by: string) =>
    fail('ERROR: unable to select packages:', `  ${text}:`, `    required by: ${by}`);
  const take = (name: string, by: string): void => {
    if (chosen.has(name)) return;
    if (world.includes(`!${name}`)) return void refuse(name, by);
    const pinned = world.find((one) => nameOf(one) === name && one.includes('='))?.replace(/^.*=/, '');
    const candidates = known(name).sort((a, b) => rank(b.version) - rank(a.version));
    const here = newest.has(name) ? undefined : installed.get(name);
    const one =
      pinned === undefined ? (here ?? candidates[0]) : candidates.find(({ version }) => version === pinned);
    if (one === undefined) return void refuse(`${name} (no such package)`, by);
    chosen.set(name, one);
    for (const other of one.depends ?? []) take(other, `${name}-${one.version}[${other}]`);
  };
  for (const dependency of world)
    if (!dependency.startsWith('!')) take(nameOf(dependency), `world[${dependency}]`);
  return [...chosen.values()];
}

function commit(world: readonly string[], files: readonly Package[], newest: ReadonlySet<string>): never {
  const chosen = solve(world, files, newest);
  const gone = [...installed.values()].filter(({ name }) => !chosen.some((one) => one.name === name));
  const changed = chosen.filter((one) => installed.get(one.name)?.version !== one.version);
  const total = gone.length + changed.length;
  const isDry = options.includes('--simulate');
  let [step, errors] = [0, 0];
  for (const one of gone) {
    console.log(`(${++step}/${total}) Purging ${one.name} (${one.version})`);
    installed.delete(one.name);
  }
  for (const one of changed) {
    const old = installed.get(one.name);
    const how =
      old === undefined ? 'Installing' : rank(one.version) > rank(old.version) ? 'Upgrading' : 'Downgrading';
    const versions = old === undefined ? one.version : `${old.version} -> ${one.version}`;
    console.log(`(${++step}/${total}) ${how} ${one.name} (${versions})`);
    installed.set(one.name, { ...one, broken: one.isSick === true });
    if (!one.isSick || isDry) continue;
    process.stderr.write(`ERROR: ${one.name}-${one.version}.post-upgrade: script exited with error 3\n`);
    errors++;
  }
  if (!isDry) {
    writeFileSync(WORLD, world.map((one) => `${one}\n`).join(''));
    const records = [...installed.values()].map(({ name, version, depends = [], broken }) => {
      const flags = broken ? 'f:s\n' : '';
      return `P:${name}\nV:${version}\nA:x86_64\nS:1000\nI:2000\nD:${depends.join(' ')}\n${flags}F:usr/share\nR:${name}\n\n`;
    });
    writeFileSync(DATABASE, records.join(''));
  }
  console.log(
    errors === 0
      ? `OK: 1 MiB in ${installed.size} packages`
      : `${errors} error; 1 MiB in ${installed.size} packages`,
  );
  process.exit(errors);
}

switch (applet) {
  case 'update':
    if (isDown)
      fail('WARNING: updating and opening http://repo.example/main: temporary error (try again later)');
    console.log(`OK: ${index.length} distinct packages available`);
    break;
  case 'version':
    console.log('Installed:                                Available:');
    for (const { name, version } of installed.values()) {
      const [newest] = index
        .filter((one) => one.name === name)
        .sort((a, b) => rank(b.version) - rank(a.version));
      if (newest && rank(newest.version) > rank(version))
        console.log(`${`${name}-${version}`.padEnd(40)}  < ${newest.version} `);
    }
    break;
  case 'policy':
    for (const name of words) {
      console.log(`${name} policy:`);
      const versions = [...index, ...installed.values()].filter((one) => one.name === name);
      for (const version of new Set(versions.map((one) => one.version))) {
        console.log(`  ${version}:`);
        if (installed.get(name)?.version === version) console.log('    lib/apk/db/installed');
        if (index.some((one) => one.name === name && one.version === version))
          console.log('    http://repo.example/main');
      }
    }
    break;
  case 'add': {
    const files = words.filter((word) => word.includes('.apk')).map(archive);
    const given = words.filter((word) => !word.includes('.apk'));
    const wanted = [...given, ...files.map(({ name, version }) => `${name}=${version}`)];
    const names = new Set(wanted.map(nameOf));
    const world = [...worldNow.filter((one) => !names.has(nameOf(one))), ...wanted].sort();
    commit(world, files, options.includes('--upgrade') ? names : new Set());
    break;
  }
  case 'del':
    commit(
      worldNow.filter((one) => !words.includes(nameOf(one))),
      [],
      new Set(),
    );
    break;
  default:
    fail(`ERROR: '${applet}' is not an apk command; ${readdirSync('/repo').length} files`);
}
