import { LAYOUT, type Layout, type Slot } from './layout.ts';
import { quoted } from './quote.ts';
import { PRELUDE } from './script.ts';

/** Its standard input is the content, which may be a secret: only root can ever read it. */
export function writeText(file: string, mode: '0600' | '0644'): string {
  return `${PRELUDE}
umask 077
folder=${quoted(file.replace(/\/[^/]*$/, ''))}
[ -d "$folder" ] || mkdir -m 0755 -p "$folder"
put ${quoted(file)} ${mode}
`;
}

/** SELinux's labels, as the policy of the host has them for these places. */
export function restoreconText(layout: Layout = LAYOUT): string {
  const { program, home, systemdUnit, openrcScript, settings } = layout;
  return `${PRELUDE}
for path in ${program} ${home} ${systemdUnit} ${openrcScript} ${settings.debian} ${settings.redhat}; do
  if [ -e "$path" ]; then restorecon -RF "$path"; fi
done
`;
}

export const removeHomeText = (layout: Layout = LAYOUT): string => `${PRELUDE}rm -rf ${layout.home}\n`;

/** Never the current one. */
export const removeSlotText = (slot: Slot, layout: Layout = LAYOUT): string =>
  `${PRELUDE}[ "$(readlink ${layout.current})" = ${slot} ] || rm -rf ${layout.slots[slot]} ${layout.slots[slot]}.new\n`;

export const removeProgramsText = (layout: Layout = LAYOUT): string => `${PRELUDE}
[ "$(readlink ${layout.command})" != ${layout.launcher} ] || rm -f ${layout.command}
rm -rf ${layout.program}
`;
