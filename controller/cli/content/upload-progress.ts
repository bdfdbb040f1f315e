import type { Client } from '../client.ts';
import { wantsColour } from '../output/paint.ts';
import { createScreen } from '../output/screen.ts';
import { formatSize } from '../size.ts';
import type { Surroundings } from '../surroundings.ts';

/** `sending 34 MiB of 1.2 GiB (12 MiB/s)`, at a terminal and while it takes long enough to be seen. */
export function showUploads(surroundings: Surroundings, client: Client) {
  const { stdout, stderr, clock, random, env } = surroundings;
  const screen = createScreen({ stdout, stderr, clock, live: wantsColour(stderr.isTerminal, env) });
  const startedMs = clock.monotonicMs();
  let total = 0;
  let done = 0;
  screen.progress((columns) => {
    const seconds = Math.max(1, clock.monotonicMs() - startedMs) / 1000;
    const text = `sending ${formatSize(done)} of ${formatSize(total)} (${formatSize(Math.round(done / seconds))}/s)`;
    return total === 0 ? '' : text.slice(0, columns);
  });
  return {
    client,
    clock,
    random,
    begun(bytes: number) {
      total += bytes;
    },
    moved(bytes: number) {
      done += bytes;
    },
    stop: () => screen.stop(),
  };
}
