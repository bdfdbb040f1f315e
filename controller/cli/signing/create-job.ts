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

/** Makes a job, signed by its operator where there is a key. The same idempotency key makes the same job. */
export async function createJob(
  surroundings: Surroundings,
  client: Client,
  body: JobBody,
  { idempotencyKey, key, sign }: SignOptions & { idempotencyKey: string; key: OperatorKey | undefined },
): Promise<JobCreated> {
  if (!key) return client.call('jobs.create', { body }, { idempotencyKey });
  const drawn = await client
    .call('jobs.draft', { body: { ...body, signer: key.id } }, { idempotencyKey })
    .catch((error: unknown) => {
      if (sign || !(error instanceof MusterError) || error.code !== 'signer-unknown') throw error;
      return undefined;
    });
  if (!drawn) {
    surroundings.stderr.write(
      'muster: not signed by you: no admin has trusted your key yet (muster operator trust)\n',
    );
    return client.call('jobs.create', { body }, { idempotencyKey });
  }
  if (drawn.made) return drawn.made;
  const { draft } = drawn;
  const { signDraft } = await import('./sign-draft.ts');
  const signed = signDraft(surroundings, key, draft, [{ what: 'job', request: body }]);
  return client.call('jobs.submit', { params: { job: draft.draft }, body: signed });
}
