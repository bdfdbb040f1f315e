/** What is measured of a stage of machines. */
import type { Finished } from '../e2e/fleet.ts';
import type { Stage } from './install-hosts.ts';
import { cpuInNamespaces, cpuOf, namespaceOf } from './proc.ts';

/** Of one way of doing a thing to all machines. */
export interface Cost {
  readonly wallMs: number;
  /** Of this machine's side: whoever drives, with its processes, and the controller; not what the machines do. */
  readonly cpuMs: number;
  /** Of the machines. */
  readonly thereMs: number;
}

export async function cost(stage: Stage, action: () => Promise<unknown>): Promise<Cost> {
  const machines = new Set(stage.hosts.map((host) => namespaceOf(host.pid())));
  const cpu = () => {
    const [own, controller] = [cpuOf('self'), cpuOf(stage.fleet.controller.child.pid ?? 0)];
    return { cpuMs: own.ownMs + own.childrenMs + controller.ownMs, thereMs: cpuInNamespaces(machines) };
  };
  const [fromMs, from] = [performance.now(), cpu()];
  await action();
  const [wallMs, to] = [performance.now() - fromMs, cpu()];
  return { wallMs, cpuMs: to.cpuMs - from.cpuMs, thereMs: to.thereMs - from.thereMs };
}

export async function must(ended: Promise<Finished>): Promise<Finished> {
  const finished = await ended;
  if (finished.status !== 0)
    throw new Error(
      `status ${finished.status}: ${finished.stderr.slice(-2000)}${finished.stdout.slice(-2000)}`,
    );
  return finished;
}
