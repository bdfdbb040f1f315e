/**
 * The way onto machines that nobody reaches by SSH: a script that carries a join token and does what an install over SSH does, by the
 * same texts (remote/). It runs in dash and in busybox's shell.
 */
import type { Build, Packing } from '../build.ts';
import { CAUSES } from '../failure.ts';
import type { Manager } from '../plan.ts';
import { removeProgramsText, restoreconText } from '../remote/files.ts';
import { LAYOUT, MARK } from '../remote/layout.ts';
import { lockText, unlockText } from '../remote/lock.ts';
import { DIGEST, placeText, UNPACK } from '../remote/place.ts';
import { NODES } from '../remote/probe.ts';
import { programsText } from '../remote/programs.ts';
import { quoted } from '../remote/quote.ts';
import { BOUNDED } from '../remote/reach.ts';
import { PRELUDE } from '../remote/script.ts';
import { lastWordsText, startText } from '../remote/service.ts';
import { PROXY_SETTING, settingsWith } from '../remote/settings.ts';
import { fetchText } from './download.ts';

/** A build that the controller gives to whoever asks. `sha512` is of the packed file, hex. */
export interface PublicBuild {
  readonly build: Build;
  readonly packing: Packing;
  readonly sha512: string;
}

export interface JoinScript {
  readonly token: string;
  readonly expiresAtMs: number;
  /** The only one that the token lets in; undefined: as the machine calls itself. */
  readonly name: string | undefined;
  /** Agents of this token wait for an operator. */
  readonly isManual: boolean;
  readonly fleetId: string;
  /** Of the controller, as agents dial it. */
  readonly urls: readonly string[];
  /** PEM of the authority of its certificate; undefined: one that machines know. */
  readonly ca: string | undefined;
  readonly service: 'auto' | Manager;
  readonly proxy: string | undefined;
  readonly builds: readonly PublicBuild[];
}

/** A text of remote/ as a function: it ends at the first thing that does not succeed, and what it tells is its output. */
function functionOf(name: string, text: string): string {
  if (!text.startsWith(PRELUDE)) throw new Error(`${name} does not begin as all of them`);
  return `${name}() (\nset -e\n${text.slice(PRELUDE.length).trim()}\n)\n`;
}

export function joinScript(script: JoinScript): string {
  const { token, expiresAtMs, name, isManual, fleetId, urls, ca, service, proxy, builds } = script;
  const managers: readonly Manager[] = service === 'auto' ? ['systemd', 'openrc'] : [service];
  return `#!/bin/sh
# Puts Muster's agent on this machine, lets it join the fleet of
# ${urls.map((url) => new URL(url).href).join(', ')}, and starts it, now and at every boot.
#
#   sh FILE           all of it; again: what is missing. Nothing is changed where the agent is and is connected
#   sh FILE prepare   for an image: puts the files there, and neither joins nor starts. At the first boot: sh FILE
#
# THIS FILE HOLDS A SECRET, the join token below, good until ${new Date(expiresAtMs).toISOString()}: whoever reads it can let
# a machine join. Keep it readable by root alone (chmod 600), leave it in no image, and remove it when it is done.
${PRELUDE}
token=${quoted(token)}
say() { printf 'muster: %s\\n' "$1" >&2; }
die() { say "$1"; exit 1; }

# WHAT FUNCTION: carries a step out; where it does not succeed, says why, and ends.
carry() {
  set +e
  told=$("$2")
  status=$?
  set -e
  [ "$status" -ne 0 ] || return 0
  why=$(printf '%s\\n' "$told" | sed -n 's/^failed [a-z-]*=//p' | head -n 1)
  case $(printf '%s\\n' "$told" | sed -n 's/^failed \\([a-z-]*\\)=.*/\\1/p' | head -n 1) in
${sentences()}
  esac
  die "$1: \${why:-this failed; why is said above}"
}
${functionOf('take_lock', lockText())}
${functionOf('release_lock', unlockText())}
${builds
  .filter(({ build }, at) => builds.findIndex((one) => one.build.sha512 === build.sha512) === at)
  .map(({ build }) => placing(build))
  .join('\n')}
${functionOf('put_programs', programsText('a', undefined))}
${functionOf('remove_programs', removeProgramsText())}
${managers.map(starting).join('\n')}
${functionOf('put_labels', restoreconText())}
${FIND_NODE}
${settings(proxy)}
join() (
  set -e
  ${proxy === undefined ? 'unset HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy' : ''}
  # By its standard input: a command line can be read by everybody.
  printf '%s\\n' "$token" | ${LAYOUT.launcher} join --token-file - --home ${LAYOUT.home}${name === undefined ? '' : ` --name ${quoted(name)}`}
)

mode=\${1:-join}
case $mode in join | prepare) ;; *) die 'usage: sh FILE [prepare]' ;; esac
[ "$(id -u)" -eq 0 ] || die 'this has to be run as root'

# ---------------------------------------------------------------- what is here
known=$(sed -n 's/^ *"fleetId": *"\\([0-9a-f]*\\)".*/\\1/p' ${LAYOUT.home}/identity.json 2>/dev/null) || known=
case $known in
  '') ;;
  ${quoted(fleetId)})
    [ "$mode" = join ] || die 'this machine has joined already: an image of it would be many machines with one identity'
    if [ -x ${LAYOUT.launcher} ] && ${LAYOUT.launcher} status >/dev/null 2>&1; then
      say 'the agent is here, and connected: nothing to do'
      exit 0
    fi
    ;;
  *) die "it is an agent of another fleet ($known): run \\"muster-agent leave\\" first" ;;
esac
for file in ${LAYOUT.systemdUnit} ${LAYOUT.openrcScript}; do
  [ ! -e "$file" ] || grep -q ${quoted(MARK)} "$file" || die "an agent that Muster did not install is here ($file): stop and remove it first"
done
if [ -e ${LAYOUT.command} ] && [ "$(readlink ${LAYOUT.command})" != ${LAYOUT.launcher} ]; then
  die '${LAYOUT.command} is not of this agent: remove it first'
fi
[ ! -e ${LAYOUT.removing} ] || die 'the agent that was here is being removed: try again when it is gone'
${managerChoice(service)}
if [ -d ${LAYOUT.etc}/sysconfig ]; then family=redhat; else family=debian; fi

work=$(mktemp -d "\${TMPDIR:-/var/tmp}/muster.XXXXXX")
fresh=
locked=
finish() {
  status=$?
  trap - EXIT
  set +e
  [ -z "$fresh" ] || remove_programs >/dev/null
  rm -rf "$work"
  [ -z "$locked" ] || release_lock >/dev/null 2>&1
  exit "$status"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM
carry 'taking the lock' take_lock <<'END'
a script of "muster token create --script"
END
locked=yes
${proxy === undefined ? '' : `export https_proxy=${quoted(proxy)} ${PROXY_SETTING}=${quoted(proxy)}`}

# ---------------------------------------------------------------- the agent
if ! [ -L ${LAYOUT.current} ] || ! [ -e ${LAYOUT.current}/release.json ]; then
${choosing(builds)}
${fetchText(urls, ca)}
  if [ "$form" = bundle ]; then say "getting the agent for the Node that is here"; else say "getting the agent for $form"; fi
  fetch "$build" "$work/packed" || die 'the agent cannot be got from the controller: what was said is above'
  # Before anything reads it: whoever is in between may send what he likes.
${DIGEST}
  [ "$(digest "$work/packed")" = "$build" ] || die 'what came is not what was sent: run this again, and if it is so again, find out who is in between'
  fresh=yes
  carry 'putting the agent there' "$place" <"$work/packed"
  rm -f "$work/packed"
  if [ "$form" != bundle ] && ! ${LAYOUT.slots.a}/agent --version >/dev/null; then
    die 'the agent does not run here: its own Node needs glibc 2.28 and libstdc++; or install Node 24, and run this again'
  fi
fi
carry 'putting the programs there' put_programs
[ ! -r /sys/fs/selinux/enforce ] || ! has restorecon || carry 'labelling the files' put_labels
${proxy === undefined ? '' : `carry 'writing the settings' put_settings`}
if [ "$mode" = prepare ]; then
  fresh=
  say 'the agent is in its place; it joins where this is run without "prepare"'
  exit 0
fi

# ---------------------------------------------------------------- the fleet
carry 'joining' join
fresh=
say "$told"
carry 'starting the service' "start_\${manager}_$family"
${isManual ? `say 'it waits for an operator now: muster agents approve NAME'\nexit 0` : waiting(managers)}
`;
}

/** The cause before the reason, where a reason alone would say too little. */
function sentences(): string {
  const causes = ['disk-full', 'copy-damaged', 'locked', 'unsupported'] as const;
  return causes.map((cause) => `    ${cause}) why="${CAUSES[cause].sentence}: $why" ;;`).join('\n');
}

const functionName = ({ form, arch }: Pick<Build, 'form' | 'arch'>): string =>
  `place_${form}${arch === undefined ? '' : `_${arch}`}`;

function placing(build: Build): string {
  const node = build.form === 'bundle' ? { variable: 'node' } : undefined;
  return functionOf(functionName(build), placeText({ build, slot: 'a', node }, { variable: 'unpack' }));
}

function starting(manager: Manager): string {
  return (['debian', 'redhat'] as const)
    .map((family) => functionOf(`start_${manager}_${family}`, startText(manager, LAYOUT.settings[family])))
    .join('');
}

/** As settingsWith, of a file that only the machine knows: an administrator's own lines stay. */
function settings(proxy: string | undefined): string {
  if (proxy === undefined) return '';
  const [line, ...head] = settingsWith(undefined, { [PROXY_SETTING]: proxy })
    .trimEnd()
    .split('\n')
    .reverse();
  return `put_settings() (
set -e
umask 077
file=${LAYOUT.settings.debian}
[ "$family" = debian ] || file=${LAYOUT.settings.redhat}
[ -d "\${file%/*}" ] || mkdir -m 0755 -p "\${file%/*}"
{
  if [ -e "$file" ]; then sed '/^[[:space:]]*${PROXY_SETTING}=/d' "$file"; else cat <<'END'
${head.reverse().join('\n')}
END
  fi
  cat <<'END'
${line}
END
} >"$work/settings"
put "$file" 0600 <"$work/settings"
)
`;
}

function managerChoice(service: JoinScript['service']): string {
  switch (service) {
    case 'none':
      return 'manager=none';
    case 'systemd':
    case 'openrc':
      return `manager=${service}`;
    case 'auto':
      return `if [ -d /run/systemd/system ]; then manager=systemd
elif [ -e /run/openrc/softlevel ] && has rc-service; then manager=openrc
elif [ "$mode" = join ]; then die 'neither systemd nor OpenRC runs here: make the script with --service none'
fi`;
  }
}

/** What is got, and how it is unpacked: the best of what is here. */
function choosing(builds: readonly PublicBuild[]): string {
  const cases = builds.map(({ build, packing, sha512 }) => {
    const { form, arch } = build;
    const chosen = `build=${sha512} place=${functionName(build)} unpack=${quoted(UNPACK[packing])}`;
    return `    ${quoted(`${arch ?? form} ${packing}`)}) ${chosen} ;;`;
  });
  return `case $(uname -m) in
  x86_64 | amd64) form=x64 loader=/lib64/ld-linux-x86-64.so.2 ;;
  aarch64 | arm64) form=arm64 loader=/lib/ld-linux-aarch64.so.1 ;;
  *) die "there are agents for x86_64 and aarch64, and this is $(uname -m)" ;;
esac
node=$(find_node)
if [ -n "$node" ]; then form=bundle; elif ! [ -e "$loader" ]; then
  die 'there is no glibc here, so the agent needs a Node of this machine: install Node 24 or newer, and run this again'
fi
build=
for packing in ${PACKINGS.join(' ')}; do
  has "$packing" || continue
  case "$form $packing" in
${cases.join('\n')}
  esac
  [ -z "$build" ] || break
done
[ -n "$build" ] || die "this script has no agent for $form that can be unpacked here: see --arch of \\"muster token create --script\\""`;
}

const PACKINGS: readonly Packing[] = ['zstd', 'xz', 'gzip'];

/** The first Node that root may run and that is new enough, or nothing. */
const FIND_NODE = `find_node() (
set +eu
seen=
put() { printf '%s\\n' "$2"; }
${BOUNDED.trim()}
{
${NODES.trim()}
} | while read -r version path; do
  case $version in v2[4-9].* | v[3-9][0-9].*)
    printf '%s' "$path"
    break
    ;;
  esac
done
)
`;

function waiting(managers: readonly Manager[]): string {
  return `tries=0
until ${LAYOUT.launcher} status >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ "$tries" -ge 60 ]; then
    case $manager in
${managers.map((manager) => `      ${manager}) ${lastWordsText(manager).trim()} ;;`).join('\n')}
    esac >&2 || :
    die 'the agent did not come online within a minute; what it said last is above'
  fi
  sleep 1
done
say 'the agent is online'`;
}
