/**
 * The store as features see it. Statements are made by db/compile.ts and run by one engine (db/sqlite.ts); no feature knows which.
 */
export type Value = string | number | bigint | Uint8Array | null;

/** One SQL text and its values, in the order of its placeholders. */
export interface Command {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** A command that gives rows. `row` is never there; it carries the type. */
export interface Query<Row> extends Command {
  readonly row?: Row;
}

export interface Transaction {
  /** Sees what the batch and those before it in the same transaction have written. */
  read<Row>(query: Query<Row>): Row[];
}

/**
 * A statement that is decided inside the transaction: called synchronously, once, when its turn in the batch has come; what it
 * returns runs next. What it throws rejects its batch and nobody else's, so it is also where a precondition is checked.
 * It may hand something out by a closure; that holds only once `write` has resolved.
 */
export interface Late {
  late(tx: Transaction): readonly Statement[];
}

export type Statement = Command | Late;

/**
 * Whose words these are, where they make sense only in their order: when the disk did not take a batch of a lane, those of the same
 * lane that wait behind it are not taken either.
 */
export type Lane = string;

export interface Database {
  /** Rows of what is committed. A blob is a Uint8Array, an integer a number. */
  read<Row>(query: Query<Row>): Promise<Row[]>;
  /**
   * All or nothing, and durable when it resolves. Batches of one tick share one transaction; a failing one is rolled back alone.
   * Rejects with what a late statement threw, with ConstraintError, with MusterError `store-failed` when nothing could be
   * written (the disk is full), `store-damaged`, or `shutting-down` after close().
   */
  write(batch: readonly Statement[], lane?: Lane): Promise<void>;
  /** Transactions that were committed since it was opened. */
  commits(): number;
  /** What it takes on the disk, and how much of that is free for what comes next. */
  size(): { readonly bytes: number; readonly freeBytes: number };
  /** Gives about so many of its free bytes back to the file system; a few milliseconds for a megabyte. Throws as `write` rejects. */
  shrink(bytes: number): void;
  /** Commits what was given to `write` before, then lets go of the file. */
  close(): Promise<void>;
}

export type ConstraintKind = 'unique' | 'foreign-key' | 'not-null' | 'check';

/** The data refused a statement. For `unique`, `columns` names them as `table.column`. */
export class ConstraintError extends Error {
  readonly kind: ConstraintKind;
  readonly columns: readonly string[];

  constructor(kind: ConstraintKind, columns: readonly string[], options?: ErrorOptions) {
    super(`${kind} constraint failed${columns.length > 0 ? `: ${columns.join(', ')}` : ''}`, options);
    this.name = 'ConstraintError';
    this.kind = kind;
    this.columns = columns;
  }
}

/** Whether a write failed because this column holds the same value already: `isTaken(error, 'agents.name')`. */
export function isTaken(error: unknown, column: string): boolean {
  return error instanceof ConstraintError && error.kind === 'unique' && error.columns.includes(column);
}
