/**
 * SQL from typed builders. Kysely takes longer to build a statement than SQLite to run it, so it works once per statement: the
 * builder is called with placeholders, and each use afterwards only puts values in their places.
 *
 *   const agentByName = query((p: Params<{ name: string }>) =>
 *     k.selectFrom('agents').selectAll().where('name', '=', p('name')));
 *   const [agent] = await db.read(agentByName({ name }));
 *
 *   const endJob = statement((p: Params<{ id: string; atMs: number }>) =>
 *     k.updateTable('jobs').set({ state: 'ended', ended_at_ms: p('atMs') }).where('id', '=', p('id')));
 *   await db.write([endJob({ id, atMs })]);
 *
 * The dialect is chosen here and nowhere else. A list of values of any length is no placeholder: run a statement for each.
 * A partial index is used only where its condition stands in the SQL as a literal: `is null`, or `sql.lit(0)`.
 */
import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { Command, Query, Value } from './database.ts';
import type { Row, Table, Tables } from './schema.ts';

export { sql } from 'kysely';

/** Builds statements, never runs one. */
export const k = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

/** What a builder is given: `p('id')` stands for the value of parameter `id`. */
export type Params<P> = <Name extends keyof P & string>(name: Name) => P[Name];

/** Kysely's builders, and its `sql` snippets. */
interface Buildable<Row> {
  compile(executor: typeof k): CompiledQuery<Row>;
}

/** No argument where there are no parameters. */
type Given<P> = keyof P extends never ? [] : [params: Readonly<P>];

/** A statement that gives rows. */
export function query<P, Row>(build: (p: Params<P>) => Buildable<Row>): (...given: Given<P>) => Query<Row> {
  return compiled<P>(build);
}

/** A statement that changes something. */
export function statement<P>(build: (p: Params<P>) => Buildable<unknown>): (...given: Given<P>) => Command {
  return compiled<P>(build);
}

/** Kysely takes whatever is no expression for a value and gives it back, untouched, among the parameters. */
class Placeholder {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

const placeholder = (name: string): never => new Placeholder(name) as never;

function compiled<P>(build: (p: Params<P>) => Buildable<unknown>): (...given: Given<P>) => Command {
  // At the first use, so that loading a feature costs nothing.
  let ready: CompiledQuery<unknown> | undefined;
  return (...given) => {
    ready ??= build(placeholder).compile(k);
    const params = (given[0] ?? {}) as Cells;
    const values = ready.parameters.map((slot) =>
      slot instanceof Placeholder ? (params[slot.name] ?? null) : (slot as Value),
    );
    return { sql: ready.sql, values };
  };
}

/** By name of the parameter or column. */
type Cells = Readonly<Record<string, Value | undefined>>;

/**
 * Rows per statement. Measured: beside a unique index SQLite keeps an undo journal for every statement of several rows, so that
 * 8 or 64 rows at once are slower than one by one; 256 pay in every table.
 */
const CHUNKS = [256, 1] as const;

/** Of the columns named, a row gives all but those that may be null. */
type Inserted<T extends Table, C extends keyof Row<T>> = {
  readonly [K in C as null extends Row<T>[K] ? never : K]: Row<T>[K];
} & { readonly [K in C as null extends Row<T>[K] ? K : never]?: Row<T>[K] };

/**
 * For the path of a run: many rows per statement.
 *
 *   const insertEvents = insertMany('run_events', ['job_id', 'kind', 'at_ms', 'body']);
 *   await db.write(insertEvents(rows));
 */
export function insertMany<T extends Table, C extends keyof Row<T> & string>(
  table: T,
  columns: readonly C[],
): (rows: readonly Inserted<T, C>[]) => Command[] {
  const texts = new Map<number, string>();
  const text = (count: number): string => {
    let found = texts.get(count);
    if (found === undefined) {
      const row = Object.fromEntries(columns.map((column) => [column, placeholder(column)]));
      found = k
        .insertInto(table)
        .values(Array(count).fill(row) as never)
        .compile().sql;
      texts.set(count, found);
    }
    return found;
  };
  return (rows) => {
    const commands: Command[] = [];
    let at = 0;
    for (const count of CHUNKS) {
      for (; rows.length - at >= count; at += count) {
        const values: Value[] = [];
        for (const row of rows.slice(at, at + count) as readonly Cells[])
          for (const column of columns) values.push(row[column] ?? null);
        commands.push({ sql: text(count), values });
      }
    }
    return commands;
  };
}
