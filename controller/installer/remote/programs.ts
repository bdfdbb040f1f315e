import { launcherText } from './launcher.ts';
import { LAYOUT, type Layout, type Slot } from './layout.ts';
import { quoted } from './quote.ts';
import { PRELUDE, putText } from './script.ts';
import { uninstallText } from './uninstall.ts';

/**
 * What starts and removes agents, whichever slot is current, and the way to it; and where no slot is current yet, this one.
 * The command on everybody's PATH is a convenience: a host whose /usr is read-only does without. Tells `note=`.
 */
export function programsText(slot: Slot, node: string | undefined, layout: Layout = LAYOUT): string {
  return `${PRELUDE}
${putText(layout.launcher, launcherText(), '0755')}
${putText(layout.uninstaller, uninstallText(layout), '0755')}
${node === undefined ? '' : relink(quoted(node), `${layout.slots[slot]}/node`)}
if ! [ -L ${layout.current} ]; then
  ln -s ${slot} ${layout.current}
  tell changed ${layout.current}
fi
if [ "$(readlink ${layout.command} 2>/dev/null)" != ${layout.launcher} ]; then
  { mkdir -p ${layout.command.replace(/\/[^/]*$/, '')} && ln -s ${layout.launcher} ${layout.command}; } 2>/dev/null ||
    tell note '${layout.command} could not be made; the command is ${layout.launcher}'
fi
settle ${layout.program}
`;
}

const relink = (to: string, link: string): string =>
  `[ "$(readlink ${link})" = ${to} ] || { ln -sfn ${to} ${link}; tell changed ${link}; }`;
