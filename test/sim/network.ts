import type { Dial, Transport, TransportHandlers } from '../../agent/link/transport.ts';
import type { Socket } from '../../controller/gateway/socket.ts';
import { MusterError } from '../../proto/errors.ts';
import type { Dice } from './dice.ts';
import type { Life } from './life.ts';
import type { Scheduler } from './scheduler.ts';

/** The way between one host and the controller, as it is now. */
export interface Road {
  /** One way. */
  latencyMs: { least: number; most: number };
  /** Bytes per ms; undefined: as many as there are. */
  rate: number | undefined;
  /** Nothing gets through and nobody is told. What is under way arrives when it is over, as with TCP. */
  dark: boolean;
  darkSinceMs: number;
  /** The host is suspended: what reaches it lies there until it is not any more. */
  asleep: boolean;
  wokenMs: number;
  /** When it was last other than good, true time. */
  disturbedMs: number;
}

export interface Network {
  road(host: string): Road;
  /** Nothing gets through from here on. */
  darken(host: string): void;
  /** The road is open again: what was held gets through. */
  lighten(host: string): void;
  /** The host is: it reads what has come meanwhile. */
  wake(host: string): void;
  /** Both ends of every connection of this host are told that it is gone. */
  reset(host: string): void;
  /** Existing connections carry nothing any more, in this direction or both, and nobody is told. */
  halfOpen(host: string, direction: 'up' | 'down' | 'both'): void;
  dialFrom(host: string, life: Life): Dial;
  /** The controller's door; undefined life: nobody listens. */
  listen(life: Life | undefined, accept?: (socket: Socket) => void): void;
  /** The kernel closes what a killed process had open. `power`: the whole machine is gone, and tells nobody. */
  died(life: Life, how: 'process' | 'power'): void;
  /** How late this host heard the time at most, in the handshake of its present or last connection, ms. */
  slowestDownMs(host: string): number;
}

export const GOOD_ROAD = { least: 0.2, most: 8 } as const;
const DIAL_MS = 15_000;

type Side = 'agent' | 'controller';

/** What travels; `close` is the last. */
type Parcel = { bytes: Uint8Array; sentMs: number } | { close: string };

interface End {
  readonly life: Life;
  readonly message: (bytes: Uint8Array) => void;
  readonly closed: (reason: string) => void;
  /** Not read now: undelivered parcels wait. */
  held: boolean;
  /** It was told, or had itself said, that the connection is gone. */
  over: boolean;
  /** It sends nothing more. */
  shut: boolean;
}

interface Lane {
  queue: Parcel[];
  waitingBytes: number;
  freeAtMs: number;
  arrivedMs: number;
  swallowed: boolean;
}

interface Connection {
  readonly host: string;
  readonly ends: Record<Side, End>;
  /** Named after who receives. */
  readonly to: Record<Side, Lane>;
  /** Messages of the handshake that have come down, and how long the slowest of them took. */
  greetings: number;
  slowestDownMs: number;
}

/** Trust documents, Welcome, Ready: with them comes the time, and how late they are it is believed to be. */
const GREETINGS = 4;

const other = (side: Side): Side => (side === 'agent' ? 'controller' : 'agent');
const newLane = (): Lane => ({ queue: [], waitingBytes: 0, freeAtMs: 0, arrivedMs: 0, swallowed: false });

export function createNetwork(scheduler: Scheduler, dice: Dice): Network {
  const roads = new Map<string, Road>();
  const connections = new Set<Connection>();
  const latest = new Map<string, Connection>();
  let door: { life: Life; accept(socket: Socket): void } | undefined;

  function road(host: string): Road {
    const known = roads.get(host);
    if (known) return known;
    const made: Road = {
      latencyMs: { ...GOOD_ROAD },
      rate: undefined,
      dark: false,
      darkSinceMs: 0,
      asleep: false,
      wokenMs: 0,
      disturbedMs: 0,
    };
    roads.set(host, made);
    return made;
  }

  const latency = (host: string): number => {
    const { least, most } = road(host).latencyMs;
    return dice.between(least, most);
  };

  function put(connection: Connection, to: Side, parcel: Parcel): void {
    const lane = connection.to[to];
    const bytes = 'bytes' in parcel ? parcel.bytes.length : 0;
    const { rate } = road(connection.host);
    const leavesMs = Math.max(scheduler.nowMs, lane.freeAtMs) + (rate === undefined ? 0 : bytes / rate);
    lane.freeAtMs = leavesMs;
    lane.arrivedMs = Math.max(leavesMs + latency(connection.host), lane.arrivedMs);
    lane.queue.push(parcel);
    lane.waitingBytes += bytes;
    // Who arrives takes the first of the queue: the order of a direction is never one of chance.
    scheduler.after(lane.arrivedMs - scheduler.nowMs, () => arrive(connection, to));
  }

  function arrive(connection: Connection, to: Side): void {
    const lane = connection.to[to];
    const end = connection.ends[to];
    if (lane.swallowed || road(connection.host).dark) return;
    if (to === 'agent' && road(connection.host).asleep) return;
    if (end.held && lane.queue[0] && 'bytes' in lane.queue[0]) return;
    const parcel = lane.queue.shift();
    if (!parcel) return;
    if ('close' in parcel) return hangUp(connection, to, parcel.close);
    lane.waitingBytes -= parcel.bytes.length;
    if (end.over || !end.life.alive) return;
    if (to === 'agent' && connection.greetings < GREETINGS) {
      connection.greetings += 1;
      connection.slowestDownMs = Math.max(connection.slowestDownMs, scheduler.nowMs - parcel.sentMs);
    }
    end.message(parcel.bytes);
  }

  /** Delivers what waits in a lane that was held or dark, one parcel per turn. */
  function flow(connection: Connection, to: Side): void {
    for (let count = connection.to[to].queue.length; count > 0; count--)
      scheduler.after(0.01, () => arrive(connection, to));
  }

  function letThrough(host: string): void {
    road(host).disturbedMs = scheduler.nowMs;
    for (const connection of connections) {
      if (connection.host !== host) continue;
      flow(connection, 'agent');
      flow(connection, 'controller');
    }
  }

  /** This end learns that the connection is gone; the other was told by who closed it. */
  function hangUp(connection: Connection, side: Side, reason: string): void {
    const end = connection.ends[side];
    if (!end.shut) {
      end.shut = true;
      put(connection, other(side), { close: reason });
    }
    gone(connection, side, reason);
  }

  function gone(connection: Connection, side: Side, reason: string): void {
    const end = connection.ends[side];
    if (end.over) return;
    end.over = true;
    if (connection.ends.agent.over && connection.ends.controller.over) connections.delete(connection);
    if (end.life.alive) end.closed(reason);
  }

  /** Says goodbye, and leaves `graceMs` later whatever the other side does. */
  function close(connection: Connection, side: Side, reason: string, graceMs: number): void {
    const end = connection.ends[side];
    if (end.shut) return;
    end.shut = true;
    put(connection, other(side), { close: reason });
    scheduler.after(graceMs, () => gone(connection, side, reason));
  }

  function terminate(connection: Connection, side: Side, reason: string): void {
    const end = connection.ends[side];
    if (!end.shut) {
      end.shut = true;
      put(connection, other(side), { close: 'reset' });
    }
    scheduler.after(0, () => gone(connection, side, reason));
  }

  function connect(host: string, life: Life, at: NonNullable<typeof door>): Transport {
    let handlers: TransportHandlers | undefined;
    const before: ((to: TransportHandlers) => void)[] = [];
    const tell = (what: (to: TransportHandlers) => void): void => {
      if (handlers) what(handlers);
      else before.push(what);
    };
    let socket: Socket | undefined;
    const connection: Connection = {
      host,
      ends: {
        agent: {
          life,
          message: (bytes) => tell((to) => to.message(bytes)),
          closed: (reason) => tell((to) => to.closed(reason)),
          held: false,
          over: false,
          shut: false,
        },
        controller: {
          life: at.life,
          message: (bytes) => socket?.onMessage(bytes),
          closed: () => socket?.onClose(),
          held: false,
          over: false,
          shut: false,
        },
      },
      to: { agent: newLane(), controller: newLane() },
      greetings: 0,
      slowestDownMs: 0,
    };
    connections.add(connection);
    latest.set(host, connection);
    const send = (from: Side, bytes: Uint8Array): void => {
      const end = connection.ends[from];
      end.life.pass('before a send');
      if (!end.shut && !end.over) put(connection, other(from), { bytes, sentMs: scheduler.nowMs });
      end.life.pass('after a send');
    };
    // The door's side is there as soon as the dialling is done: what it takes to get there was waited for before.
    socket = {
      address: host,
      send: (bytes) => send('controller', bytes),
      buffered: () => connection.to.agent.waitingBytes,
      pause() {
        connection.ends.controller.held = true;
      },
      resume() {
        connection.ends.controller.held = false;
        flow(connection, 'controller');
      },
      trust() {},
      close: (_code, reason) => close(connection, 'controller', reason, 3_000),
      terminate: () => terminate(connection, 'controller', 'terminated'),
      onMessage() {},
      onClose() {},
    };
    at.accept(socket);
    return {
      get bufferedAmount() {
        return connection.to.controller.waitingBytes;
      },
      send: (bytes) => send('agent', bytes),
      close: () => close(connection, 'agent', '1000', 1_000),
      terminate: () => terminate(connection, 'agent', 'terminated'),
      receive(given) {
        handlers = given;
        for (const what of before.splice(0)) what(given);
      },
    };
  }

  return {
    road,
    darken(host) {
      if (road(host).dark) return;
      road(host).dark = true;
      road(host).darkSinceMs = scheduler.nowMs;
    },
    lighten(host) {
      road(host).dark = false;
      letThrough(host);
    },
    wake(host) {
      road(host).asleep = false;
      road(host).wokenMs = scheduler.nowMs;
      letThrough(host);
    },
    reset(host) {
      for (const connection of [...connections]) {
        if (connection.host !== host) continue;
        for (const side of ['agent', 'controller'] as const) {
          connection.ends[side].shut = true;
          scheduler.after(latency(host), () => gone(connection, side, 'connection reset'));
        }
      }
    },
    halfOpen(host, direction) {
      road(host).disturbedMs = scheduler.nowMs;
      for (const connection of connections) {
        if (connection.host !== host) continue;
        if (direction !== 'down') connection.to.controller.swallowed = true;
        if (direction !== 'up') connection.to.agent.swallowed = true;
      }
    },
    dialFrom: (host, life) => (url, signal) =>
      life.living(
        new Promise((resolve, reject) => {
          life.pass('a dial');
          if (signal.aborted) return reject(signal.reason);
          const refuse = (why: string) => reject(new MusterError('unavailable', `${url}: ${why}`));
          const cancel = life.after(road(host).dark ? DIAL_MS : 2 * latency(host), () => {
            signal.removeEventListener('abort', onAbort);
            if (road(host).dark) return refuse('no answer');
            if (!door?.life.alive) return refuse('connection refused');
            resolve(connect(host, life, door));
          });
          const onAbort = (): void => {
            cancel();
            reject(signal.reason);
          };
          signal.addEventListener('abort', onAbort, { once: true });
        }),
      ),
    listen(life, accept) {
      door = life && accept ? { life, accept } : undefined;
    },
    died(life, how) {
      if (door?.life === life) door = undefined;
      for (const connection of [...connections])
        for (const side of ['agent', 'controller'] as const) {
          if (connection.ends[side].life !== life) continue;
          if (how === 'power') {
            connection.to.agent.swallowed = true;
            connection.to.controller.swallowed = true;
            connection.ends[side].over = true;
          } else terminate(connection, side, 'killed');
        }
    },
    slowestDownMs(host) {
      // What the last one told is believed on after its end.
      let slowest = latest.get(host)?.slowestDownMs ?? 0;
      for (const connection of connections)
        if (connection.host === host) slowest = Math.max(slowest, connection.slowestDownMs);
      return slowest;
    },
  };
}
