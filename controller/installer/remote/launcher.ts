import { LAYOUT } from './layout.ts';

/** What starts an agent on a host, whichever slot is current. Written once, and replaced only by an install over SSH. */
export function launcherText(): string {
  return `#!/bin/sh
# Starts Muster's agent from its current slot.
slot=${LAYOUT.current}
export MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=65536 MALLOC_MMAP_THRESHOLD_=65536
if [ -x "$slot/agent" ]; then exec "$slot/agent" "$@"; fi
exec "$slot/node" --disable-warning=ExperimentalWarning --optimize-for-size "$slot/agent.cjs" "$@"
`;
}
