import type { Message } from '../../../proto/codec.ts';
import type { PackagesStep, StepTask } from '../run.ts';
import type { StepContext, StepResult, Steps } from '../step.ts';
import { type CollectPorts, collect } from './collect.ts';
import { bringFile, type FilePorts, type FileRun } from './file.ts';
import { guardHolds } from './guard.ts';
import { type ProbePorts, probe } from './probe.ts';
import { type RebootPorts, reboot } from './reboot.ts';
import { isNotYet } from './refusal.ts';
import { bringService, type ServicePorts } from './service.ts';
import { bringTree } from './tree.ts';
import type { Turns } from './turns.ts';
import { type UninstallPorts, uninstall } from './uninstall.ts';

export interface TaskPorts
  extends FilePorts,
    ServicePorts,
    RebootPorts,
    CollectPorts,
    ProbePorts,
    UninstallPorts {
  readonly turns: Turns;
  packages(task: PackagesStep, context: StepContext): Promise<StepResult>;
  /** Undefined where Muster did not install this agent. */
  readonly upgrade?:
    | ((task: Message<'UpgradeTask'>, context: StepContext) => Promise<StepResult>)
    | undefined;
}

/** The kinds of task that the agent carries out by itself. */
export function createSteps(ports: TaskPorts): Steps {
  return {
    holds: guardHolds,
    held: ports.turns.held,
    carryOut: (task, context) => ports.turns.during(task, () => carryOut(task, context, ports)),
  };
}

async function carryOut(task: StepTask, context: StepContext, ports: TaskPorts): Promise<StepResult> {
  switch (task.kind) {
    case 'file':
      return resultOf(bringFile(task, ports, fileRun(context)), context);
    case 'tree':
      return resultOf(bringTree(task, ports, fileRun(context)), context);
    case 'service':
      return bringService(task, ports, context);
    case 'reboot':
      return reboot(task, ports, context);
    case 'collect':
      return collect(task, ports, context);
    case 'uninstall':
      return uninstall(task, ports, context);
    case 'upgrade':
      return ports.upgrade?.(task, context) ?? NOT_INSTALLED;
    case 'probe':
      return probe(task, ports, context);
    case 'packages':
      return ports.packages(task, context);
  }
}

const NOT_INSTALLED: StepResult = {
  state: 'failed',
  reason: 'this agent was not installed by Muster, which does neither replace nor remove it then',
};

async function resultOf(bringing: Promise<boolean>, context: StepContext): Promise<StepResult> {
  const { check } = context.spec;
  try {
    if (!(await bringing)) return { state: 'succeeded', change: 'unchanged' };
    return { state: 'succeeded', change: check ? 'would-change' : 'changed' };
  } catch (cause) {
    // A check does not make the folder, or the user, that the task before this one would.
    if (!check || context.index === 0 || !isNotYet(cause)) throw cause;
    context.write('stdout', Buffer.from(`${cause.message}; an earlier task may bring it\n`));
    return { state: 'succeeded', change: 'would-change' };
  }
}

function fileRun(context: StepContext): FileRun {
  const { spec, signal } = context;
  return {
    jobId: spec.jobId,
    signal,
    check: spec.check,
    say: (line) => context.write('stdout', Buffer.from(`${line}\n`)),
  };
}
