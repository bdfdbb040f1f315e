/** A controller in a process of its own, that says when what happened in it. */
import { subscribe } from 'node:diagnostics_channel';
import { createWriteStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { type Serving, serve } from '../../controller/serve.ts';
import { answer, sharedMs } from './child.ts';

/** When (sharedMs) a job's request had reached the API, and each change of the job after that was committed. */
export interface Moments {
  readonly reached: number;
  readonly created: number;
  /** Changes between the creation and the end: said to run, then each piece of output. */
  readonly changes: readonly number[];
  readonly ended: number;
}

export interface ControllerRequests {
  start(home: string): Promise<string>;
  /** Resolves when the job has ended. */
  moments(jobId: string): Promise<Moments>;
  /** Microseconds of CPU so far, user and system. */
  cpu(): number;
}

let serving: Serving | undefined;
let reached = 0;
const open = new Map<string, { reached: number; created: number; changes: number[] }>();
const over = new Map<string, Moments>();
const waiting = new Map<string, (moments: Moments) => void>();

subscribe('http.server.request.start', (message) => {
  const { request } = message as { request: IncomingMessage };
  if (request.method === 'POST') reached = sharedMs();
});

function watch({ events }: Serving): void {
  events.on((event) => {
    const now = sharedMs();
    if (event.type === 'job-created') open.set(event.jobId, { reached, created: now, changes: [] });
    else if (event.type === 'job-changed') open.get(event.jobId)?.changes.push(now);
    else if (event.type === 'job-ended') {
      const job = open.get(event.jobId);
      if (!job) return;
      open.delete(event.jobId);
      // The first change is the creation, the last one the end itself.
      const moments = { ...job, changes: job.changes.slice(1, -1), ended: now };
      const wake = waiting.get(event.jobId);
      if (wake) wake(moments);
      else over.set(event.jobId, moments);
      waiting.delete(event.jobId);
    }
  });
}

const requests: ControllerRequests = {
  async start(home) {
    const logTo = createWriteStream(join(home, 'log'), { flags: 'a' });
    serving = await serve({ home, listen: { host: '127.0.0.1', port: 0 }, urls: [], logTo });
    watch(serving);
    return serving.url;
  },
  moments(jobId) {
    const known = over.get(jobId);
    over.delete(jobId);
    return known ? Promise.resolve(known) : new Promise((resolve) => waiting.set(jobId, resolve));
  },
  cpu() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
};

answer({ ...requests }, () => serving?.stop());
