import type { Central } from './central.ts';
import type { Dice } from './dice.ts';
import type { Suffered } from './judge.ts';
import { GOOD_ROAD, type Network } from './network.ts';
import type { Post } from './post.ts';
import type { Scheduler } from './scheduler.ts';
import type { Story } from './story.ts';

export interface FaultPorts {
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  readonly story: Story;
  readonly network: Network;
  readonly central: Central;
  readonly posts: readonly Post[];
  readonly suffered: ReadonlyMap<string, Suffered>;
  readonly stormMs: number;
  /** Told when an earlier copy took the place of the controller's store. */
  storePutBack(): void;
}

/** One kind of thing that goes wrong; called at a moment of chance. */
type Fault = (ports: FaultPorts) => void;

/** Every history has some kinds and not others: what hides behind one fault shows without it. */
const FAULTS: Readonly<{ [name: string]: { most: number; fault: Fault } }> = {
  reset: {
    most: 12,
    fault({ network, story, dice, posts }) {
      const { name } = one(posts, dice);
      story.tell(name, 'its connection is reset');
      network.reset(name);
    },
  },
  halfOpen: {
    most: 6,
    fault({ network, story, dice, posts }) {
      const { name } = one(posts, dice);
      const direction = dice.pick(['up', 'down', 'both'] as const);
      story.tell(name, `its connection is half open (${direction} carries nothing)`);
      network.halfOpen(name, direction);
    },
  },
  dark: {
    most: 8,
    fault({ network, story, dice, posts, scheduler }) {
      const { name } = one(posts, dice);
      const forMs = dice.chance(0.7) ? dice.between(100, 20_000) : dice.between(20_000, 240_000);
      story.tell(name, `nothing gets through to it for ${Math.round(forMs)} ms`);
      network.darken(name);
      scheduler.after(forMs, () => network.lighten(name));
    },
  },
  crawl: {
    most: 5,
    fault({ network, story, dice, posts, scheduler }) {
      const { name } = one(posts, dice);
      const forMs = dice.between(5_000, 120_000);
      const road = network.road(name);
      road.latencyMs = { least: dice.between(50, 500), most: dice.between(500, 4_000) };
      road.rate = dice.between(0.2, 20);
      story.tell(name, `its link crawls for ${Math.round(forMs)} ms (${road.rate.toFixed(1)} bytes/ms)`);
      scheduler.after(forMs, () => {
        road.latencyMs = { ...GOOD_ROAD };
        road.rate = undefined;
        road.disturbedMs = scheduler.nowMs;
      });
    },
  },
  agentCrash: {
    most: 10,
    fault({ dice, posts, suffered }) {
      const post = one(posts, dice);
      mark(suffered, post).agentDeaths += 1;
      post.killAt(1 + dice.below(60), dice.between(10, 20_000));
    },
  },
  agentKill: {
    most: 6,
    fault({ dice, posts, suffered }) {
      const post = one(posts, dice);
      mark(suffered, post).agentDeaths += 1;
      post.kill(dice.between(10, 60_000));
    },
  },
  controllerCrash: {
    most: 8,
    fault: ({ dice, central }) => central.killAt(1 + dice.below(120), dice.between(10, 20_000)),
  },
  reboot: {
    most: 3,
    fault({ dice, posts, suffered }) {
      const post = one(posts, dice);
      mark(suffered, post).reboots += 1;
      post.reboot(dice.between(2_000, 60_000));
    },
  },
  journalLost: {
    most: 2,
    fault({ dice, posts, suffered, scheduler }) {
      const post = one(posts, dice);
      if (!post.machine.on) return;
      mark(suffered, post).journalLostMs ??= scheduler.nowMs;
      mark(suffered, post).agentDeaths += 1;
      post.loseJournal(dice.between(100, 10_000));
    },
  },
  journalPutBack: {
    most: 2,
    fault({ dice, posts, suffered, scheduler, story }) {
      const post = one(posts, dice);
      if (!post.machine.on) return;
      const copy = post.copyJournal();
      story.tell(post.name, 'its journal is copied');
      scheduler.after(dice.between(1_000, 120_000), () => {
        if (!post.machine.on) return copy.close();
        mark(suffered, post).journalPutBackMs ??= scheduler.nowMs;
        mark(suffered, post).agentDeaths += 1;
        post.loseJournal(dice.between(100, 10_000), copy);
      });
    },
  },
  agentDisk: {
    most: 3,
    fault({ dice, posts, story, scheduler, suffered }) {
      const { name, machine } = one(posts, dice);
      const forMs = dice.between(500, 60_000);
      story.tell(name, `its disk is full for ${Math.round(forMs)} ms`);
      mark(suffered, { name }).diskFull += 1;
      machine.diskFull = true;
      scheduler.after(forMs, () => {
        machine.diskFull = false;
      });
    },
  },
  journalErrors: {
    most: 3,
    fault({ dice, posts, story, scheduler, suffered }) {
      const { name, machine } = one(posts, dice);
      const forMs = dice.between(500, 40_000);
      story.tell(name, `its journal cannot be written for ${Math.round(forMs)} ms`);
      mark(suffered, { name }).diskFull += 1;
      machine.journalFails = true;
      scheduler.after(forMs, () => {
        machine.journalFails = false;
      });
    },
  },
  controllerDisk: {
    most: 2,
    fault({ dice, central, story, scheduler }) {
      const forMs = dice.between(500, 30_000);
      story.tell('controller', `its disk is full for ${Math.round(forMs)} ms`);
      central.machine.diskFull = true;
      scheduler.after(forMs, () => {
        central.machine.diskFull = false;
      });
    },
  },
  hostClock: {
    most: 10,
    fault({ dice, posts, story }) {
      const { name, machine } = one(posts, dice);
      const ms = dice.between(-1, 1) * dice.pick([5_000, 3_600_000, 365 * 86_400_000]);
      story.tell(name, `its wall clock is set by ${Math.round(ms / 1000)} s`);
      machine.stepWall(ms);
    },
  },
  controllerClock: {
    most: 2,
    fault({ dice, central, story }) {
      const ms = dice.between(-300_000, 300_000);
      story.tell('controller', `its wall clock is set by ${Math.round(ms / 1000)} s`);
      central.machine.stepWall(ms);
    },
  },
  suspend: {
    most: 3,
    fault: (ports) => sleep(ports, one(ports.posts, ports.dice), ports.dice.between(1_000, 300_000)),
  },
  storePutBack: {
    most: 1,
    fault({ dice, central, story, scheduler, storePutBack }) {
      const copy = central.disk.copy();
      story.tell('controller', 'its store is copied');
      scheduler.after(dice.between(5_000, 120_000), () => {
        story.tell('controller', 'the copy is restored');
        central.putBack(copy, dice.between(500, 10_000));
        storePutBack();
      });
    },
  },
  controllerKill: {
    most: 3,
    fault: ({ dice, central }) => central.kill(dice.between(10, 120_000)),
  },
};

function sleep({ network, scheduler, story }: FaultPorts, { name, machine }: Post, forMs: number): void {
  if (!machine.on || machine.frozen) return;
  story.tell(name, `is suspended for ${Math.round(forMs)} ms`);
  machine.suspend(forMs);
  network.road(name).asleep = true;
  scheduler.after(forMs, () => {
    if (!machine.frozen) network.wake(name);
  });
}

function one(posts: readonly Post[], dice: Dice): Post {
  return dice.pick(posts as [Post, ...Post[]]);
}

function mark(suffered: ReadonlyMap<string, Suffered>, post: { readonly name: string }): Suffered {
  const found = suffered.get(post.name);
  if (!found) throw new Error(`no host ${post.name}`);
  return found;
}

/**
 * Sets the history's faults going. `end` makes everything whole again, but for what happened. `asked` is told of each job, since
 * there are moments at which a clock that is set matters most.
 */
export function scheduleFaults(ports: FaultPorts): { end(): void; asked(hosts: readonly string[]): void } {
  const { scheduler, dice, story, network, central, posts, stormMs } = ports;
  let over = false;
  for (const { most, fault } of Object.values(FAULTS)) {
    if (dice.chance(0.45)) continue;
    const count = 1 + dice.below(most);
    for (let n = 0; n < count; n++)
      scheduler.after(dice.between(1_000, stormMs), () => {
        if (!over) fault(ports);
      });
  }
  const setsClocks = dice.chance(0.3);
  const sleeps = dice.chance(0.3);
  return {
    asked(hosts) {
      if (over) return;
      const meant = posts.filter(({ name }) => hosts.includes(name));
      // The order lies unread in a machine that sleeps.
      for (const post of meant)
        if (sleeps && dice.chance(0.3)) sleep(ports, post, dice.between(3_000, 38_000));
      if (!setsClocks) return;
      for (const post of meant)
        scheduler.after(dice.between(20, 3_000), () => {
          const ms = dice.between(10_000, 86_400_000);
          story.tell(post.name, `its wall clock is set by -${Math.round(ms / 1000)} s`);
          post.machine.stepWall(-ms);
        });
    },
    end() {
      over = true;
      central.machine.diskFull = false;
      central.life?.arm(undefined);
      for (const post of posts) {
        post.life?.arm(undefined);
        post.machine.diskFull = false;
        post.machine.journalFails = false;
        const road = network.road(post.name);
        road.latencyMs = { ...GOOD_ROAD };
        road.rate = undefined;
        network.lighten(post.name);
      }
    },
  };
}
