import { type Backoff, fullJitterMs } from '../../../proto/backoff.ts';
import { type Clock, delay } from '../../../proto/clock.ts';
import { incrementalSha512 } from '../../../proto/crypto.ts';
import { ERRORS, MusterError } from '../../../proto/errors.ts';
import { toHex } from '../../../proto/ids.ts';
import { MIB } from '../../../proto/limits.ts';
import type { RandomBytes } from '../../../proto/random.ts';
import type { ContentBody, ContentReply } from '../../api/contract.ts';
import type { Client } from '../client.ts';
import { wrongUse } from '../failure.ts';
import type { OpenedFile } from './local-file.ts';

export interface UploadParts {
  client: Pick<Client, 'call'>;
  clock: Clock;
  random: RandomBytes;
  /** Told how many bytes more the controller has. */
  moved(bytes: number): void;
}

const PIECE_BYTES = MIB;
/** What is sent in one request, and has to be sent again where that is cut. */
const SEGMENT_BYTES = 4 * MIB;
const BACKOFF: Backoff = { baseMs: 250, capMs: 5_000 };
/** So often without a byte more at the controller. */
const TRIES = 20;

/** SHA-512 of the whole file, in hex. */
export async function digestOf(file: Pick<OpenedFile, 'length' | 'read'>): Promise<string> {
  const hash = incrementalSha512();
  for (let at = 0; at < file.length; at += PIECE_BYTES) hash.update(await file.read(at, PIECE_BYTES));
  return toHex(hash.digest());
}

/**
 * Brings a file to the controller, from where an earlier upload of the same bytes ended, and says how tasks name it. A controller
 * that is away for a while is waited for. Throws what it refuses with, and a Failure where the file changed meanwhile.
 */
export async function upload(
  parts: UploadParts,
  name: string,
  sha512: string,
  file: Pick<OpenedFile, 'length' | 'read'>,
): Promise<ContentBody> {
  const { clock, random, moved } = parts;
  const { length } = file;
  // Small ones are most often not there yet: one request for them.
  let state: Pick<ContentReply, 'have' | 'complete' | 'key'> | undefined =
    length <= SEGMENT_BYTES ? { have: 0, complete: false, key: null } : undefined;
  let told = 0;
  for (let failures = 0; ; ) {
    try {
      state ??= await parts.client.call('contents.show', { params: { sha512 } });
      if (state.have > told) {
        moved(state.have - told);
        told = state.have;
        failures = 0;
      }
      if (state.key !== null) return { sha512, length, key: state.key };
      state = await put(parts.client, sha512, file, state.have);
    } catch (error) {
      if (!(error instanceof MusterError)) throw error;
      if (error.code === 'content-mismatch')
        throw wrongUse(`${name} changed while it was read`, 'try again when nobody writes to it');
      failures += 1;
      const mayPass = ERRORS[error.code].retryable || (error.code === 'bad-request' && failures === 1);
      if (!mayPass || error.code === 'store-full' || failures >= TRIES) throw error;
      state = undefined;
      if (error.code !== 'bad-request') await delay(clock, fullJitterMs(BACKOFF, failures, random));
    }
  }
}

async function put(
  client: Pick<Client, 'call'>,
  sha512: string,
  file: Pick<OpenedFile, 'length' | 'read'>,
  offset: number,
): Promise<ContentReply> {
  const bytes = await file.read(offset, Math.min(SEGMENT_BYTES, file.length - offset));
  return client.call(
    'contents.put',
    { params: { sha512 }, query: { offset, length: file.length } },
    { bytes },
  );
}
