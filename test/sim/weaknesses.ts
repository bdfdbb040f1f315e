import type { Journal } from '../../agent/spool/journal.ts';
import type { Database, Query, Statement } from '../../controller/db/database.ts';
import { MusterError } from '../../proto/errors.ts';
import { ROLLOUT_WEAKNESSES } from './rollout-weaknesses.ts';
import { withReads, withWrites } from './weakened-store.ts';
import type { Weakness } from './weakness.ts';

/**
 * The defences of delivery, each taken away in its turn. That the simulator finds every one of them is what its silence about the
 * product as it is rests on.
 */
export const WEAKNESSES: readonly Weakness[] = [
  {
    name: 'journal-after-start',
    what: 'an agent writes down that it runs something only after it has started it',
    promises: [14, 2],
    within: 20,
    agent: (ports) =>
      withJournal(ports, (journal) => ({
        accept: (order) => void ports.clock.after(100, () => quietly(() => journal.accept(order))),
        conclude: (end, sign) => journal.conclude(end, sign),
      })),
  },
  {
    name: 'no-replay-check',
    what: 'an agent takes an order that it has seen before for a new one',
    promises: [2, 3],
    within: 200,
    agent: (ports) =>
      withJournal(ports, (journal) => ({
        find: () => undefined,
        findByHash: () => undefined,
        accept: (order) => quietly(() => journal.accept(order)),
      })),
  },
  {
    name: 'reply-before-commit',
    what: 'the controller acknowledges a job before it is in the store',
    promises: [1],
    within: 20,
    world: (world) => ({
      ...world,
      db: withWrites(world.db, (statements, write) => {
        if (!mentions(statements, 'insert into "jobs"')) return write();
        write().catch(() => {});
        return Promise.resolve();
      }),
    }),
  },
  {
    name: 'receipt-before-commit',
    what: 'the controller gives the receipt of a report before it is in the store',
    promises: [5],
    within: 20,
    world: (world) => ({
      ...world,
      db: withWrites(world.db, (statements, write) => {
        if (!mentions(statements, 'insert into "reports"')) return write();
        // Long enough for the receipt to be on its way.
        world.clock.after(200, () => void write().catch(() => {}));
        return Promise.resolve();
      }),
    }),
  },
  {
    name: 'same-epoch',
    what: 'a lost journal begins with the epoch of the one before',
    promises: [2, 3, 4, 11],
    within: 200,
    epoch: (host) => Buffer.from(host.padEnd(16, '.')),
  },
  {
    name: 'put-back-unnoticed',
    what: 'an agent does not notice that an earlier copy of its journal was put back',
    promises: [2, 3],
    within: 200,
    hasNoMark: true,
  },
  {
    name: 'time-stands-still',
    what: 'an agent takes the time of its session for the time now, so that nothing expires in it',
    promises: [7],
    within: 100,
    agent: (ports) => ({ ...ports, clock: { ...ports.clock, uptimeMs: () => 0 } }),
  },
  {
    name: 'wall-clock',
    what: "an agent counts time by its host's wall clock",
    promises: [7, 3, 11],
    within: 200,
    agent: (ports) => ({ ...ports, clock: { ...ports.clock, uptimeMs: ports.clock.now } }),
  },
  {
    name: 'suspend-not-counted',
    what: 'an agent does not count the time that its machine slept',
    promises: [7],
    within: 400,
    agent: (ports) => ({ ...ports, clock: { ...ports.clock, uptimeMs: ports.clock.monotonicMs } }),
  },
  {
    name: 'cancel-forgotten',
    what: 'an agent does not remember the cancel of an order that has not come yet',
    promises: [8],
    within: 200,
    agent: (ports) => withJournal(ports, () => ({ rememberCancel: () => {} })),
  },
  {
    name: 'report-not-kept',
    what: 'an agent keeps a report only until it was sent once',
    promises: [4, 5],
    within: 50,
    agent(ports) {
      const sent = new Set<number>();
      return withJournal(ports, (journal) => ({
        reportAfter(seq) {
          const report = journal.reportAfter(seq);
          if (!report || sent.has(report.seq)) return undefined;
          sent.add(report.seq);
          return report;
        },
        report: () => undefined,
      }));
    },
  },
  {
    name: 'output-hole',
    what: 'a piece of output gets lost on its way into the log',
    promises: [6],
    within: 20,
    processes: (processes) => ({
      ...processes,
      launch(launch, signal) {
        let pieces = 0;
        const onData: typeof launch.onData = (stream, data) => {
          pieces += 1;
          return pieces === 2 || launch.onData(stream, data);
        };
        return processes.launch({ ...launch, onData }, signal);
      },
    }),
  },
  {
    name: 'output-position-off',
    what: 'the controller stores that it has output which it does not have',
    promises: [6],
    within: 20,
    world: (world) => ({
      ...world,
      db: withWrites(world.db, (statements, _, real) =>
        real.write(statements.map((one) => withoutEvery(one, 'insert into "run_events"', isLaterOutput))),
      ),
    }),
  },
  {
    name: 'deadline-never-kept',
    what: 'the controller waits for ever for an agent that does not come back',
    promises: [4],
    within: 50,
    world: (world) => ({
      ...world,
      db: withReads(world.db, (query, read) =>
        query.sql.includes('"deadline_at_ms" <=') ? Promise.resolve([]) : read(),
      ),
    }),
  },
  {
    name: 'sent-not-durable',
    what: 'what is sent is called queued in the store, until there is word of it',
    promises: [3, 7],
    within: 100,
    world: (world) => {
      const unsent = (one: Statement): Statement =>
        'sql' in one && one.sql.startsWith('insert into "runs"')
          ? { ...one, values: one.values.map((value) => (value === 'sent' ? 'queued' : value)) }
          : one;
      const isEvent = (one: Statement): boolean =>
        'sql' in one && one.sql.startsWith('insert into "run_events"') && one.values.includes('sent');
      const db = withWrites(world.db, (statements, _, real) =>
        real.write(statements.filter((one) => !isEvent(one)).map(unsent)),
      );
      // Who asks for one run, to send it, is told that it may.
      return {
        ...world,
        db: withReads(db, async (_, read) => {
          const rows = (await read()) as { state?: string }[];
          const [only] = rows;
          if (rows.length === 1 && only?.state === 'queued') return [{ ...only, state: 'sent' }];
          return rows;
        }),
      };
    },
  },
  {
    name: 'window-too-wide',
    what: 'the controller does not count who is at work when it gives the next places of a batch',
    promises: [17],
    within: 100,
    world: (world) => ({
      ...world,
      db: withLateReads(world.db, (query, rows) =>
        query.sql.includes('from "pace"') ? rows.map((row) => ({ ...(row as object), batch: null })) : rows,
      ),
    }),
  },
  {
    name: 'window-slot-lost',
    what: 'a place of a batch that becomes free is given to nobody',
    promises: [4],
    within: 100,
    world: (world) => ({
      ...world,
      db: withLateReads(world.db, (query, rows) => (query.sql.includes('from "pace"') ? [] : rows)),
    }),
  },
  {
    name: 'failures-not-counted',
    what: 'a job goes on after more failures than it may have',
    promises: [17],
    within: 200,
    world: (world) => ({
      ...world,
      db: withLateReads(world.db, (query, rows) => (query.sql.includes('from "run_counts"') ? [] : rows)),
    }),
  },
  {
    name: 'daemons-escape',
    what: 'ending a run looks only at the children of its first process',
    promises: [9],
    within: 100,
    table: (table) => ({
      ...table,
      snapshot: (sought, onMarked) =>
        table.snapshot(sought, onMarked).filter((one) => one.session !== one.pid || one.ppid !== 1),
    }),
  },
  {
    name: 'timeout-not-kept',
    what: 'an agent does not end what runs longer than it may',
    promises: [9, 4],
    within: 50,
    agent: (ports) => ({
      ...ports,
      executor: {
        ...ports.executor,
        check: (spec) => ports.executor.check({ ...spec, timeoutMs: 86_400_000 }),
      },
    }),
  },
  {
    name: 'silence-not-noticed',
    what: 'the controller never gives up a link that carries nothing any more',
    promises: [12, 4],
    within: 50,
    world: (world) => ({ ...world, clock: { ...world.clock, monotonicMs: () => 0 } }),
  },
  {
    name: 'redial-gives-up',
    what: 'an agent gives up after ten attempts to reach its controller',
    promises: [11],
    within: 50,
    agent(ports) {
      let left = 10;
      return {
        ...ports,
        dial: (url, signal) => (left-- > 0 ? ports.dial(url, signal) : new Promise(() => {})),
      };
    },
  },
  {
    name: 'disk-full-starts',
    what: 'an agent whose journal cannot be written starts all the same',
    promises: [14, 2],
    within: 100,
    agent: (ports) => ({
      ...withJournal(ports, (journal) => ({
        accept: (order) => quietly(() => journal.accept(order)),
        start: (run, atMs) => quietly(() => journal.start(run, atMs)),
      })),
      freeBytes: () => 1 << 30,
    }),
  },
  {
    name: 'outcome-guessed',
    what: 'a run whose agent died is taken to have succeeded',
    promises: [3],
    within: 200,
    processes: (processes) => ({
      ...processes,
      async find(at) {
        const found = await processes.find(at);
        return found && { ...found, ended: found.ended.then(() => ({ kind: 'exited', exitCode: 0 })) };
      },
    }),
  },
  ...ROLLOUT_WEAKNESSES,
];

export function weaknessNamed(name: string): Weakness {
  const found = WEAKNESSES.find((one) => one.name === name);
  if (!found)
    throw new Error(`no weakness is called ${name}: ${WEAKNESSES.map((one) => one.name).join(', ')}`);
  return found;
}

function withJournal<Ports extends { readonly journal: Journal }>(
  ports: Ports,
  change: (journal: Journal) => Partial<Journal>,
): Ports {
  return { ...ports, journal: { ...ports.journal, ...change(ports.journal) } };
}

/** What fails is not noticed. A dead process stays dead. */
function quietly(fn: () => void): void {
  try {
    fn();
  } catch (cause) {
    if (!(cause instanceof MusterError)) throw cause;
  }
}

/** Changes what is read inside of transactions. */
function withLateReads(
  db: Database,
  change: (query: Query<unknown>, rows: unknown[]) => unknown[],
): Database {
  const over = (one: Statement): Statement =>
    'late' in one
      ? {
          late: (tx) =>
            one.late({ read: <Row>(query: Query<Row>) => change(query, tx.read(query)) as Row[] }).map(over),
        }
      : one;
  return { ...db, write: (statements) => db.write(statements.map(over)) };
}

const mentions = (statements: readonly Statement[], sql: string): boolean =>
  statements.some((one) => 'sql' in one && one.sql.startsWith(sql));

/** Of the columns of run_events: kind and position. */
const isLaterOutput = (values: readonly unknown[]): boolean =>
  values[2] === 'output' && Number(values[8]) > 0;

/** The statement without inserts that `drop` names, also where it decides inside the transaction. */
function withoutEvery(
  statement: Statement,
  sql: string,
  drop: (values: readonly unknown[]) => boolean,
): Statement {
  if (!('late' in statement)) return statement;
  return {
    late: (tx) =>
      statement
        .late(tx)
        .map((one) => withoutEvery(one, sql, drop))
        .filter((one) => !('sql' in one && one.sql.startsWith(sql) && drop(one.values))),
  };
}
