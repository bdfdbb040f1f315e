import type { AgentPorts } from '../../agent/agent.ts';
import type { World } from '../../controller/controller.ts';
import type { Socket } from '../../controller/gateway/socket.ts';

/** A defence taken away, by ports that are given to the product in place of the right ones. The product knows nothing of it. */
export interface Weakness {
  readonly name: string;
  /** What is wrong, in words. */
  readonly what: string;
  /** The promise that has to be seen broken. */
  readonly promise: number;
  /** Within so many seeds it has to be found. */
  readonly within: number;
  agent?(ports: AgentPorts): AgentPorts;
  world?(world: World): World;
  socket?(socket: Socket): Socket;
}
