/** Fake agents for one controller: they speak the protocol, and answer every order with success without running anything. */
import { decodeToken } from '../../certs/enrolment.ts';
import type { Gateway } from '../../controller/gateway/engine.ts';
import type { Socket } from '../../controller/gateway/socket.ts';
import { type FakeAgent, type FakeSession, fakeAgent } from '../support/fake-agent.ts';
import { until } from '../support/until.ts';
import type { VirtualClock } from '../support/virtual-clock.ts';

export interface Member {
  readonly agent: FakeAgent;
  readonly session: FakeSession;
}

/** Joins and connects `count` agents. `accept` brings their sockets to the controller. */
export async function assemble(
  token: string,
  count: number,
  accept: (socket: Socket) => void,
  clock: VirtualClock,
): Promise<Member[]> {
  const pin = decodeToken(token);
  const gateway = { accept } as Gateway;
  const members: Member[] = [];
  for (let index = 0; index < count; index++) {
    const agent = fakeAgent(() => gateway, clock, pin, `fake-${index}`);
    const joining = await agent.join(token);
    await until(`agent ${index} has joined`, () => joining.closed);
    const session = await agent.connect();
    await until(`agent ${index} is online`, () => session.closed || session.frames.length > 0);
    if (session.refusal) throw new Error(`agent ${index} was refused: ${session.refusal.code}`);
    members.push({ agent, session });
  }
  return members;
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
