import { basename } from 'node:path';
import type { TaskBody } from '../../api/contract.ts';
import { readBundle } from '../bundle/read-bundle.ts';
import type { Client } from '../client.ts';
import type { Tasks } from '../dispatch.ts';
import { wrongUse } from '../failure.ts';
import type { Surroundings } from '../surroundings.ts';

/** Tasks, made once there is a controller that what they name can be brought to. */
export type ReadyTasks = (client: Client) => Promise<TaskBody[]>;

export function ready(tasks: Tasks): ReadyTasks {
  return async (client) => [...(typeof tasks === 'function' ? await tasks(client) : tasks)];
}

/**
 * The tasks of a bundle file. Throws a Failure (wrong use) with all that is wrong in it, and where it has defaults: steps of a rollout have
 * the rollout's.
 */
export async function tasksOf(
  surroundings: Surroundings,
  file: string,
): Promise<{ title: string; tasks: ReadyTasks }> {
  const { name, defaults, tasks } = await readBundle(surroundings, file);
  const [first] = Object.keys(defaults);
  if (first !== undefined)
    throw wrongUse(
      `${file}: defaults.${first} is not taken in a rollout`,
      'leave defaults out; timeout and ttl are keys of the rollout, and tasks of a rollout run as the agent does',
    );
  return { title: name ?? basename(file), tasks: ready(tasks) };
}
