/** A copy of the database as the Muster before this one left it, made before anything of it is changed. */
import { basename, dirname, join } from 'node:path';
import { copyDatabase, KNOWN_SCHEMA, schemaOf } from '../db/snapshot.ts';
import { exists, move, namesIn, remove, sync } from './folder.ts';

/** This one, and the one of the upgrade before. */
const KEPT = 2;

/**
 * Makes `muster.db.schema-N` beside a database of an older schema N that is about to be migrated. Whole or not there, however often it
 * is cut off; migrating is one transaction, so until that has ended the database says itself what it was. Returns where the copy is;
 * undefined: nothing will be migrated. Throws MusterError: store-failed (no room for it), store-damaged.
 */
export function copyBeforeMigration(database: string): string | undefined {
  if (!exists(database)) return undefined;
  const schema = schemaOf(database);
  // What a newer Muster wrote is refused by whoever opens it.
  if (schema === 0 || schema >= KNOWN_SCHEMA) return undefined;
  const copy = `${database}.schema-${schema}`;
  const unfinished = `${copy}.new`;
  remove(unfinished);
  try {
    copyDatabase(database, unfinished);
    sync(unfinished);
    move(unfinished, copy);
  } catch (error) {
    remove(unfinished);
    throw error;
  }
  forgetOthers(database, schema);
  return copy;
}

function forgetOthers(database: string, made: number): void {
  const pattern = new RegExp(`^${basename(database).replaceAll('.', '\\.')}\\.schema-(\\d+)$`);
  const others = namesIn(dirname(database))
    .map((name) => Number(pattern.exec(name)?.[1] ?? made))
    .filter((schema) => schema !== made)
    .sort((one, other) => other - one);
  for (const schema of others.slice(KEPT - 1))
    remove(join(dirname(database), `${basename(database)}.schema-${schema}`));
}
