import { MusterError } from '../../../proto/errors.ts';
import type { JobBody, JobCreated } from '../../api/contract.ts';
import type { Client } from '../client.ts';
import { wrongUse } from '../failure.ts';
import { isFile } from '../files.ts';
import { keyFileOf } from '../home.ts';
import type { Surroundings } from '../surroundings.ts';
import type { OperatorKey } from './operator-key.ts';

/** `--sign` and `--no-sign`; left out: with the key of this context, where there is one. */
export interface SignOptions {
  sign?: boolean;
}

/** The key to sign with; undefined: the controller's signature alone. Throws a Failure where a signature is asked for and there is no key. */
export async function signingKey(
  surroundings: Surroundings,
  { sign }: SignOptions,
): Promise<OperatorKey | undefined> {
  if (sign === false) return undefined;
  // What reads and signs is loaded where there is something to sign with.
  if (await isFile(keyFileOf(surroundings))) return (await import('./operator-key.ts')).readKey(surroundings);
  if (!sign) return undefined;
  throw wrongUse(
    `--sign: there is no key; ${keyFileOf(surroundings)} is not there`,
    'make one with "muster operator key", and have an admin trust it',
  );
}

/**
 * What is to be signed; undefined, with a line that says so, where nobody has trusted the key yet and a signature was not asked for.
 */
export async function drawn<T>(
  { stderr }: Pick<Surroundings, 'stderr'>,
  { sign }: SignOptions,
  draw: Promise<T>,
): Promise<T | undefined> {
  try {
    return await draw;
  } catch (error) {
    if (sign || !(error instanceof MusterError) || error.code !== 'signer-unknown') throw error;
    stderr.write('muster: not signed by you: no admin has trusted your key yet (muster operator trust)\n');
    return undefined;
  }
}

/** Makes a job, signed by its operator where there is a key. The same idempotency key makes the same job. */
export async function createJob(
  surroundings: Surroundings,
  client: Client,
  body: JobBody,
  { idempotencyKey, key, sign }: SignOptions & { idempotencyKey: string; key: OperatorKey | undefined },
): Promise<JobCreated> {
  const draw = key && client.call('jobs.draft', { body: { ...body, signer: key.id } }, { idempotencyKey });
  const told = draw && (await drawn(surroundings, { ...(sign !== undefined && { sign }) }, draw));
  if (!key || !told) return client.call('jobs.create', { body }, { idempotencyKey });
  if (told.made) return told.made;
  const { draft } = told;
  const { signDraft } = await import('./sign-draft.ts');
  const signed = signDraft(surroundings, key, draft, [{ what: 'job', request: body }]);
  return client.call('jobs.submit', { params: { job: draft.draft }, body: signed });
}
