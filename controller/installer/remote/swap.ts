/** Changing from one slot to the other. Whenever it is cut, `current` is one of both, and the launcher starts that. */
import type { Manager } from '../plan.ts';
import { LAYOUT, type Layout, type Slot } from './layout.ts';
import { PRELUDE } from './script.ts';

const relink = (slot: Slot, { program, current }: Layout): string => `
ln -sfn ${slot} ${current}.new
mv -fT ${current}.new ${current} 2>/dev/null || { rm -f ${current}; mv -f ${current}.new ${current}; }
settle ${program}
`;

export const swapText = (slot: Slot, layout: Layout = LAYOUT): string => `${PRELUDE}${relink(slot, layout)}`;

export const restoreText = (slot: Slot, layout: Layout = LAYOUT): string =>
  `${PRELUDE}${relink(slot, layout)}rm -f ${layout.trial}\n`;

/** The new version has shown itself: there is no way back by itself any more. */
export const settledText = (layout: Layout = LAYOUT): string => `${PRELUDE}rm -f ${layout.trial}\n`;

/** Whose file this is. */
export function managerOf(path: string, layout: Layout = LAYOUT): Manager {
  if (path === layout.systemdUnit) return 'systemd';
  return path === layout.openrcScript ? 'openrc' : 'none';
}
