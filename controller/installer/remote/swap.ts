/**
 * Changing from one slot to the other, in the way of proto/slots.ts: wherever it is cut, the launcher goes on from there, and where the
 * new version does not come online within its time, the version before goes on whether anybody is still connected or not.
 */
import { PROGRAM_NAMES, programOf, RESULT_LINES, type Slot, TRIAL_NAMES } from '../../../proto/slots.ts';
import type { Form } from '../build.ts';
import type { Manager } from '../plan.ts';
import { LAYOUT, type Layout } from './layout.ts';
import { quoted } from './quote.ts';
import { PRELUDE } from './script.ts';

export interface Swap {
  readonly old: Slot;
  readonly new: Slot;
  readonly oldVersion: string;
  readonly newVersion: string;
  readonly form: Form;
  /** The time that the new one has. */
  readonly withinSeconds: number;
}

/** What begins the order of a trial that an install began. */
export const INSTALL_ORDER = 'install-';

const { about, kept, back, outcome, old: wayBack } = TRIAL_NAMES;

const POINT = ({ program, current }: Layout): string => `point_to() {
  [ "$(readlink ${current})" != "$1" ] || return 0
  ln -sfn "$1" ${current}.new
  mv -fT ${current}.new ${current}
  settle ${program}
}
`;

/** Sees that the new version starts at all, then makes it the current one, on trial; it still has to be started. */
export function swapText(swap: Swap, layout: Layout = LAYOUT): string {
  const { program, trial } = layout;
  const slot = layout.slots[swap.new];
  const start =
    swap.form === 'bundle'
      ? `${slot}/node --disable-warning=ExperimentalWarning ${slot}/${programOf('bundle')}`
      : `${slot}/${programOf('executable')}`;
  return `${PRELUDE}${POINT(layout)}
[ ! -e ${trial} ] || fail locked 'another version is being tried out'
rm -rf ${trial}.new
mkdir -m 0755 ${trial}.new
says=$(${start} --version 2>${trial}.new/why) || fail step "the new version does not start there: $(tail -n 1 ${trial}.new/why)"
[ "$says" = ${quoted(swap.newVersion)} ] || fail step "what was put there says that it is version $says"
rm ${trial}.new/why
read -r boot </proc/sys/kernel/random/boot_id
read -r uptime rest </proc/uptime
cat >${trial}.new/${about} <<END
order=${INSTALL_ORDER}$$-\${uptime%%.*}
old=${swap.old}
new=${swap.new}
old_version=${swap.oldVersion}
new_version=${swap.newVersion}
within=${Math.ceil(swap.withinSeconds)}
boot=$boot
uptime=\${uptime%%.*}
END
cat >${trial}.new/${kept} <<END
${RESULT_LINES.kept}END
cat >${trial}.new/${back} <<END
${RESULT_LINES.back}END
ln -s ${swap.old} ${trial}.new/${wayBack}
# How it will be decided has to work here.
ln ${trial}.new/${kept} ${trial}.new/${outcome}
rm ${trial}.new/${outcome}
settle ${trial}.new
mv -T ${trial}.new ${trial}
settle ${program}
point_to ${swap.new}
`;
}

const asideText = ({ program, trial }: Layout): string => {
  const last = `${program}/${PROGRAM_NAMES.lastTrial}`;
  return `rm -rf ${last}
mv -T ${trial} ${last}
settle ${program}
`;
};

/** Ends a trial, if there is one: the version before goes on. It still has to be started. */
export function backText(slot: Slot, why: string, layout: Layout = LAYOUT): string {
  const { trial } = layout;
  return `${PRELUDE}${POINT(layout)}
if [ -e ${trial} ]; then
  if [ ! -e ${trial}/${outcome} ]; then
    printf 'why=%s\\n' ${quoted(why)} >>${trial}/${back}
    ln ${trial}/${back} ${trial}/${outcome} 2>/dev/null || :
    settle ${trial}
  fi
  # Needs no room.
  [ "$(readlink ${trial}/${wayBack})" != ${slot} ] || mv -fT ${trial}/${wayBack} ${layout.current}
  point_to ${slot}
  ${asideText(layout)}
else
  point_to ${slot}
fi
`;
}

/**
 * A trial that nobody goes on with: the version before is what is known to work. Does nothing where there is
 * none, or where it was decided already, which the launcher brings to its end.
 */
export function endTrialText(layout: Layout = LAYOUT): string {
  const { trial } = layout;
  return `${PRELUDE}${POINT(layout)}
[ -e ${trial} ] || exit 0
if [ -e ${trial}/${outcome} ]; then read -r result <${trial}/${outcome}; else result=back; fi
slot=$(readlink ${trial}/${wayBack}) || slot=
if [ "$result" != ${quoted(RESULT_LINES.kept.trim())} ]; then
  case $slot in a | b) point_to "$slot" ;; esac
fi
${asideText(layout)}`;
}

/**
 * The new version was online and did its work: it stays. It says so itself as soon as it is online, so that as a rule there is nothing left to
 * do. Fails where it was decided otherwise in the last moment.
 */
export function keepText(slot: Slot, layout: Layout = LAYOUT): string {
  const { trial, current } = layout;
  return `${PRELUDE}
result=
if [ -e ${trial} ]; then
  ln ${trial}/${kept} ${trial}/${outcome} 2>/dev/null || :
  read -r result 2>/dev/null <${trial}/${outcome} || :
fi
if [ "$result" = ${quoted(RESULT_LINES.back.trim())} ] || [ "$(readlink ${current})" != ${slot} ]; then
  fail not-online 'it went back to the version before'
fi
`;
}

/** Whose file this is. */
export function managerOf(path: string, layout: Layout = LAYOUT): Manager {
  if (path === layout.systemdUnit) return 'systemd';
  return path === layout.openrcScript ? 'openrc' : 'none';
}
