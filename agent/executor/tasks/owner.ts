import type { Accounts, Groups } from '../account.ts';
import { notYet } from './refusal.ts';

/** A file's owner and group as an order names them: a name of this machine, or digits. */
export interface Names {
  readonly owner: string;
  readonly group: string;
}

export interface Ids {
  /** Undefined: as it is. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/** Throws an Error that says who is not known here. */
export async function findIds(
  { owner, group }: Names,
  accounts: Pick<Accounts, 'find'> & Groups,
): Promise<Ids> {
  const uid = owner === '' ? undefined : ((await accounts.find(owner))?.uid ?? idOf(owner));
  if (Number.isNaN(uid)) throw notYet(`there is no user ${JSON.stringify(owner)} on this machine`);
  const gid = group === '' ? undefined : ((await accounts.findGroup(group)) ?? idOf(group));
  if (Number.isNaN(gid)) throw notYet(`there is no group ${JSON.stringify(group)} on this machine`);
  return { uid, gid };
}

/** The largest stands for "leave it as it is" in chown(2). */
const LARGEST_ID = 0xfffffffe;

function idOf(digits: string): number {
  const id = /^\d{1,10}$/.test(digits) ? Number(digits) : Number.NaN;
  return id <= LARGEST_ID ? id : Number.NaN;
}
