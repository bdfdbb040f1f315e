import type { Database, Statement } from '../../controller/db/database.ts';
import type { Gate, Policy } from '../../controller/rollouts/rollout.ts';
import { withReads, withWrites } from './weakened-store.ts';
import type { Weakness } from './weakness.ts';

/** The defences of rollouts, as weaknesses.ts has the rest. */
export const ROLLOUT_WEAKNESSES: readonly Weakness[] = [
  {
    name: 'rollout-places-not-counted',
    what: 'a rollout begins as many hosts as there are in its wave',
    promises: [17],
    within: 60,
    world: (world) => ({ ...world, db: withPolicy(world.db, () => ({ maxUnavailable: 1_000 })) }),
  },
  {
    name: 'rollout-failures-not-counted',
    what: 'a rollout goes on after more failures than it may have',
    promises: [17],
    within: 200,
    world: (world) => ({ ...world, db: withPolicy(world.db, () => ({ maxFailures: 1_000 })) }),
  },
  {
    name: 'rollout-not-drained',
    what: 'a rollout changes hosts without what comes before the change',
    promises: [17],
    within: 60,
    world: (world) => ({
      ...world,
      db: withPolicy(world.db, ({ steps }) => ({ steps: steps.filter((step) => step !== 'pre') })),
    }),
  },
  {
    name: 'rollout-not-approved',
    what: 'a wave passes without the approval that it waits for',
    promises: [17],
    within: 200,
    world: (world) => ({ ...world, db: withGates(world.db, { approval: 'nobody' }) }),
  },
  {
    name: 'rollout-not-soaked',
    what: 'a wave passes as soon as its hosts are done, and does not soak',
    promises: [17],
    within: 200,
    world: (world) => ({ ...world, db: withGates(world.db, { soakMs: 0 }) }),
  },
  {
    name: 'rollout-wave-begins-early',
    what: 'after a restart the wave that is at work is taken to have passed',
    promises: [17],
    within: 400,
    world: (world) => ({
      ...world,
      db: withColumn(world.db, 'rollout_waves', 'state', (state) => (state === 'open' ? 'passed' : state)),
    }),
  },
  {
    name: 'rollout-phase-not-stored',
    what: 'where a host of a rollout is at is kept in memory only',
    promises: [17],
    within: 60,
    world: (world) => ({ ...world, db: without(world.db, 'update "rollout_hosts"') }),
  },
];

type Row = Record<string, unknown>;

/** Changes what is told of a table's column. */
function withColumn(
  db: Database,
  table: string,
  column: string,
  change: (value: unknown) => unknown,
): Database {
  return withReads(db, async (query, read) => {
    const rows = await read();
    if (!query.sql.includes(`from "${table}"`)) return rows;
    return (rows as Row[]).map((row) => (column in row ? { ...row, [column]: change(row[column]) } : row));
  });
}

const inside =
  <Given extends object>(changed: (given: Given) => Partial<Given>) =>
  (json: unknown): unknown => {
    if (typeof json !== 'string') return json;
    const given = JSON.parse(json) as Given;
    return JSON.stringify({ ...given, ...changed(given) });
  };

const withPolicy = (db: Database, changed: (policy: Policy) => Partial<Policy>): Database =>
  withColumn(db, 'rollouts', 'policy', inside(changed));
const withGates = (db: Database, changed: Partial<Gate>): Database =>
  withColumn(
    db,
    'rollout_waves',
    'gate',
    inside<Gate>(() => changed),
  );

const without = (db: Database, sql: string): Database =>
  withWrites(db, (statements, _, real) =>
    real.write(statements.filter((one: Statement) => !('sql' in one && one.sql.startsWith(sql)))),
  );
