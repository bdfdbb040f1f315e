import type { AgentPorts } from '../../agent/agent.ts';
import type { ProcessTable } from '../../agent/executor/proc.ts';
import type { Processes } from '../../agent/executor/process.ts';
import type { World } from '../../controller/controller.ts';

/** A defence taken away, by ports that are given to the product in place of the right ones. The product knows nothing of it. */
export interface Weakness {
  readonly name: string;
  /** What is wrong, in words. */
  readonly what: string;
  /** The promises of which one has to be seen broken. */
  readonly promises: readonly number[];
  /** Within so many seeds it has to be found. */
  readonly within: number;
  agent?(ports: AgentPorts): AgentPorts;
  processes?(processes: Processes): Processes;
  table?(table: ProcessTable): ProcessTable;
  world?(world: World): World;
  /** An agent keeps no mark beside its journal. */
  readonly hasNoMark?: boolean;
  /** What a new journal of this host begins with. */
  epoch?(host: string): Uint8Array;
}
