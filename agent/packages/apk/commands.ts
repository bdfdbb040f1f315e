/**
 * Pure: apk's commands. Names and versions come from orders and from repositories: whatever is not strictly one is never put before a
 * program, here as little as where the order was opened.
 */
import { MusterError } from '../../../proto/errors.ts';
import { isPackageName, isPackageVersion } from '../../../proto/packages.ts';
import type { Command } from '../host.ts';
import type { ChangeOptions, Wanted, Wish } from '../manager.ts';

const ENV = { LC_ALL: 'C' } as const;

export const WORLD = '/etc/apk/world';
/** The world as it was before a change, as long as that is not over. */
export const WORLD_BEFORE = '/etc/apk/world.muster';

function apk(words: readonly string[], globals: readonly string[] = []): Command {
  return { argv: ['apk', '--no-progress', ...globals, ...words], env: ENV };
}

export const update = (): Command => apk(['update']);
export const upgradable = (): Command => apk(['version', '-l', '<']);
export const policy = (names: readonly string[]): Command => apk(['policy', '--', ...names.map(nameWord)]);
export const fix = (): Command => apk(['fix']);
/** Of each name the newest: apk takes no versions here. */
export const fetchInto = (names: readonly string[], folder: string): Command =>
  apk(['fetch', '--output', folder, '--', ...names.map(nameWord)]);

export function simulate(wish: Wish): Command {
  switch (wish.kind) {
    case 'exact':
      return apk(['add', '--simulate', '--', ...wish.changes.map(changeWord)]);
    case 'install':
      return apk(['add', '--simulate', '--', ...wish.names.map(nameWord)]);
    case 'latest':
      return apk(['add', '--simulate', '--upgrade', '--', ...wish.names.map(nameWord)]);
    case 'version':
      return apk(['add', '--simulate', '--', versionWord(wish.name, wish.version)]);
    case 'remove':
      return apk(['del', '--simulate', '--', ...wish.names.map(nameWord)]);
  }
}

export const pin = (packages: readonly { readonly name: string; readonly version: string }[]): Command =>
  apk(['add', '--', ...packages.map(({ name, version }) => versionWord(name, version))]);
export const unpin = (names: readonly string[]): Command => apk(['add', '--', ...names.map(nameWord)]);

/**
 * apk writes what it is told to install, with its version, into the world, where that would hold it for ever. So the world of before is
 * put back after it, without what went and with what came. Its words: names that leave the world, names that come into it, names whose
 * configuration files come in the place of those that were changed here, and then the command.
 */
const SCRIPT = `world=${WORLD} before=${WORLD_BEFORE}
drop=" $1 " add=$2 replace=$3; shift 3
[ -e "$before" ] || { cp -p "$world" "$before.new" && mv "$before.new" "$before"; } || exit
"$@"; status=$?
[ "$status" -eq 0 ] || { drop=' ' add= replace=; }
{
  tr -s ' ' '\\n' <"$before" | while IFS= read -r line; do
    case $line in '') continue ;; esac
    case $drop in *" \${line%%[@<>=~]*} "*) continue ;; esac
    printf '%s\\n' "$line"
  done
  for name in $add; do printf '%s\\n' "$name"; done
} >"$world.restored" && mv "$world.restored" "$world" && rm "$before" || exit 1
for name in $replace; do
  apk info -qL "$name" | while IFS= read -r file; do
    [ -e "/$file.apk-new" ] && mv -f "/$file.apk-new" "/$file" && echo "replaced: /$file"
  done
done
exit "$status"`;

export function change(changes: readonly Wanted[], { configFiles, lockWaitMs }: ChangeOptions): Command {
  const named = (those: readonly Wanted[]) => those.map(({ name }) => nameWord(name)).join(' ');
  const came = changes.filter(({ from }) => from === '');
  const went = changes.filter(({ to }) => to === '');
  const { argv } = apk(
    ['add', '--', ...changes.map(changeWord)],
    ['--wait', String(Math.max(1, Math.ceil(lockWaitMs / 1000)))],
  );
  const replaced = configFiles === 'replace' ? changes.filter(({ to }) => to !== '') : [];
  const words = [named([...came, ...went]), named(came), named(replaced)];
  return { argv: ['/bin/sh', '-c', SCRIPT, 'sh', ...words, ...argv], env: ENV };
}

/** What was cut off: the world of before. */
export const restoreWorld = (): Command => ({ argv: ['mv', WORLD_BEFORE, WORLD], env: ENV });

/** Its words: the names that leave the world; what others need stays installed. */
const FORGET = `drop=" $1 "
tr -s ' ' '\\n' <${WORLD} | while IFS= read -r line; do
  case $drop in *" \${line%%[@<>=~]*} "*) continue ;; esac
  printf '%s\\n' "$line"
done >${WORLD}.restored && mv ${WORLD}.restored ${WORLD}`;

export const forget = (names: readonly string[]): Command => ({
  argv: ['/bin/sh', '-c', FORGET, 'sh', names.map(nameWord).join(' ')],
  env: ENV,
});

/** A dependency, as the world has it: `name=version`, or `!name` for what is to go; kept archives by their path. Throws MusterError('bad-task'). */
export function changeWord({ name, to, file }: Wanted): string {
  if (file !== undefined) {
    check(/^\/[^\0\n]*\.apk$/.test(file), 'file', file);
    return file;
  }
  return to === '' ? `!${nameWord(name)}` : versionWord(name, to);
}

/** Throws MusterError('bad-task'). */
export function versionWord(name: string, version: string): string {
  check(isPackageVersion(version) && !isArchive(version), 'version', version);
  return `${nameWord(name)}=${version}`;
}

function nameWord(name: string): string {
  check(isPackageName(name) && !isArchive(name), 'name', name);
  return name;
}

/** apk takes a word with this anywhere in it for a file. */
const isArchive = (word: string): boolean => word.includes('.apk');

function check(isRight: boolean, what: string, value: string): void {
  if (!isRight) throw new MusterError('bad-task', `${JSON.stringify(value)} is no ${what} of a package`);
}
