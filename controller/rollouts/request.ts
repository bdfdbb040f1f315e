/** A rollout as it is asked for; api/rollout-messages.ts says what each means. Pure. */
import type { ProbeRequest, TaskRequest, Transaction } from '../jobs/task.ts';

export interface GateRequest {
  success?: string | undefined;
  soakMs?: number | undefined;
  approval?: 'nobody' | 'anybody' | 'not-starter' | undefined;
}

export type WaveRequest = {
  name?: string | undefined;
  gate?: GateRequest | undefined;
  maxFailures?: string | undefined;
} & ({ size: string } | { hosts: string } | { selector: string } | { each: string } | { rest: true });

export type ProbeFrom =
  | 'host'
  | 'controller'
  | { targets?: string | undefined; selector?: string | undefined };
export type RolloutProbeRequest = { name: string; from?: ProbeFrom | undefined } & ProbeRequest;

export interface WindowRequest {
  days?: ('mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun')[];
  from: string;
  to: string;
  zone: string;
}

export interface FreezeRequest {
  from: string;
  to: string;
  zone: string;
  reason?: string;
}

export interface PlannedHosts extends Transaction {
  agentIds: string[];
  wayBack: boolean;
}

export interface ChangeRequest {
  kind: 'plan' | 'bundle' | 'file' | 'upgrade';
  title: string;
  tasks: TaskRequest[];
  plan?: { digest: string; madeAtMs: number; hosts: PlannedHosts[] } | undefined;
}

export interface RolloutRequest {
  name?: string | undefined;
  targets?: string | undefined;
  selector?: string | undefined;
  change: ChangeRequest;
  pre?: TaskRequest[] | undefined;
  post?: TaskRequest[] | undefined;
  undo?: TaskRequest[] | undefined;
  reboot?: 'never' | 'if-needed' | 'always' | undefined;
  rebootTimeoutMs?: number | undefined;
  waves?: WaveRequest[] | undefined;
  order?: 'name' | 'random' | undefined;
  seed?: number | undefined;
  maxUnavailable?: string | undefined;
  maxFailures?: string | undefined;
  probes?: RolloutProbeRequest[] | undefined;
  gate?: GateRequest | undefined;
  onFailure?: 'host' | 'wave' | 'all' | 'none' | undefined;
  withoutWayBack?: 'refuse' | 'go-on' | undefined;
  windows?: WindowRequest[] | undefined;
  freezes?: FreezeRequest[] | undefined;
  busy?: 'refuse' | 'wait' | undefined;
  ttlMs?: number | undefined;
  timeoutMs?: number | undefined;
  lifeMs?: number | undefined;
  reason?: string | undefined;
}
