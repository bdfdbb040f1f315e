import type { Packed } from './build.ts';
import type { Work } from './install.ts';
import { otherSlot } from './plan.ts';
import { removeProgramsText, removeSlotText } from './remote/files.ts';
import type { Slot } from './remote/layout.ts';
import { lookText, placeText } from './remote/place.ts';

/** How often it is told how far the sending is, at most. */
const TELL_EVERY_MS = 100;

/**
 * The build on the host, whole: kept where it is, in the current slot or another one, else sent into a slot that is not the current one.
 */
export async function placed(work: Work): Promise<{ slot: Slot; sentBytes: number }> {
  const { plan, probe, packed, host, undo } = work;
  const { build } = packed;
  const { current, releases } = probe.agent;
  const isWhole = async (slot: Slot): Promise<boolean> => {
    if (releases[slot]?.sha512 !== build.sha512) return false;
    const told = await host.run('looking at what is there', lookText(build, slot));
    return told.has('there');
  };
  // One that nobody else has made anything of is this run's to remove, whoever began it.
  if (current === undefined)
    undo.push(
      'the programs',
      async () => void (await host.run('removing the programs', removeProgramsText())),
    );
  if (await isWhole(plan.slot)) return { slot: plan.slot, sentBytes: 0 };
  // The current one is damaged: it stays until the other one has taken its place.
  const slot = plan.slot === current ? otherSlot(current) : plan.slot;
  if (slot !== plan.slot && (await isWhole(slot))) return { slot, sentBytes: 0 };
  if (current !== undefined)
    undo.push(`the new version in slot ${slot}`, async () => {
      await host.run('removing the new version', removeSlotText(slot));
    });
  await send(work, packed, placeText({ build, slot, node: work.fit.node }, packed.packing));
  return { slot, sentBytes: packed.length };
}

async function send({ host, tell, stop, ports }: Work, packed: Packed, script: string): Promise<void> {
  let toldMs = Number.NEGATIVE_INFINITY;
  await host.run('putting the agent there', script, {
    input: until(stop, packed.open()),
    onProgress(bytes) {
      const nowMs = ports.clock.monotonicMs();
      if (nowMs - toldMs < TELL_EVERY_MS && bytes < packed.length) return;
      toldMs = nowMs;
      tell({ what: 'sent', bytes, of: packed.length });
    },
  });
}

/** Cut short when it is to stop: the host takes it for damaged then, and removes what came. */
async function* until(stop: AbortSignal, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    if (stop.aborted) return;
    yield piece;
  }
}
