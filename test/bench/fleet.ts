/** Fake agents for one controller: they speak the protocol, and answer every order with success without running anything. */
import { setTimeout as wait } from 'node:timers/promises';
import { decodeToken } from '../../certs/enrolment.ts';
import type { Gateway } from '../../controller/gateway/engine.ts';
import type { Socket } from '../../controller/gateway/socket.ts';
import { systemClock } from '../../proto/system.ts';
import { type FakeAgent, type FakeSession, fakeAgent } from '../support/fake-agent.ts';
import { until } from '../support/until.ts';
import { type VirtualClock, virtualClock } from '../support/virtual-clock.ts';

export interface Member {
  readonly agent: FakeAgent;
  readonly session: FakeSession;
}

/** Real time for fake agents. Where it lets things settle, a few turns of the event loop pass. */
export function realClock(): VirtualClock {
  return { ...virtualClock(), now: systemClock.now };
}

/** Joins and connects `count` agents, `lanes` at a time. `accept` brings their sockets to the controller. */
export async function assemble(
  token: string,
  count: number,
  lanes: number,
  accept: (socket: Socket) => void,
  clock: VirtualClock,
): Promise<Member[]> {
  const pin = decodeToken(token);
  const gateway = { accept } as Gateway;
  const members: Member[] = [];
  let next = 0;
  async function lane(): Promise<void> {
    for (let index = next++; index < count; index = next++) {
      const agent = fakeAgent(() => gateway, clock, pin, `fake-${index}`);
      await admitted(async () => {
        const joining = await agent.join(token);
        await until(`agent ${index} has joined`, () => joining.closed);
        return joining;
      });
      const session = await admitted(async () => {
        const connected = await agent.connect();
        await until(`agent ${index} is online`, () => connected.closed || connected.frames.length > 0);
        return connected;
      });
      members.push({ agent, session });
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane));
  return members;
}

/** Tries again when the door asks for it: it takes up so many a second. */
async function admitted(attempt: () => Promise<FakeSession>): Promise<FakeSession> {
  for (;;) {
    const session = await attempt();
    if (!session.refusal) return session;
    if (session.refusal.code !== 'try-later') throw new Error(`refused: ${session.refusal.code}`);
    await wait(session.refusal.retryAfterMs);
  }
}

/** Answers what has come for this agent since the last call. Returns how many orders that were. */
export function respond({ agent, session }: Member): number {
  let orders = 0;
  for (const frame of session.frames.splice(0)) {
    if (frame.kind === 'ping') session.send('pong', { id: frame.value.id });
    if (frame.kind !== 'deliver') continue;
    const bundle = agent.open(frame);
    const { jobId } = bundle.order;
    session.send('status', {
      jobId,
      orderHash: bundle.orderHash,
      attempt: 1,
      state: 'running',
      atMs: Date.now(),
    });
    session.send('report', agent.report(bundle));
    orders += 1;
  }
  return orders;
}
