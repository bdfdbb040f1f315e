import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { k, type Params, query, sql, statement } from '../../../controller/db/compile.ts';
import type { Database } from '../../../controller/db/database.ts';
import { openDatabase } from '../../../controller/db/sqlite.ts';

const open = new Set<Database>();
const folders: string[] = [];

after(async () => {
  for (const db of open) await db.close();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'muster-db-'));
  folders.push(folder);
  return folder;
}

export const newFile = (): string => join(newFolder(), 'muster.db');

/** Closed after the tests of the file. */
export function opened(path: string = newFile(), options: { busyTimeoutMs?: number } = {}): Database {
  const db = openDatabase({ path, schedule: (fn) => void setImmediate(fn), ...options });
  open.add(db);
  return db;
}

export const put = statement((p: Params<{ key: string; value: Uint8Array }>) =>
  k.insertInto('meta').values({ key: p('key'), value: p('value') }),
);

export const keys = query(() => k.selectFrom('meta').select('key').orderBy('key'));

export async function keysIn(db: Database): Promise<string[]> {
  return (await db.read(keys())).map((row) => row.key);
}

export const value = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

/** Of a pragma whose column is called like itself. */
export async function pragma(db: Database, name: string): Promise<unknown> {
  const [row] = await db.read(query(() => sql<Record<string, unknown>>`${sql.raw(`pragma ${name}`)}`)());
  return Object.values(row ?? {})[0];
}
