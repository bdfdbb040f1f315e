import type { PackagesBody } from '../../api/contract.ts';
import { dispatch } from '../dispatch.ts';
import { VERDICT } from '../exit-status.ts';
import { EXIT } from '../failure.ts';
import type { JobOptions } from '../job-body.ts';
import type { End, JobView } from '../output/view.ts';
import { formatSize } from '../size.ts';
import type { Surroundings } from '../surroundings.ts';
import type { Tracked } from '../tally.ts';
import { compareNames } from './ranges.ts';

/** What the hosts of a job answered. */
export interface Gathered<T> {
  /** As of the job, with answers that cannot be read taken for failures. */
  readonly status: number;
  /** Null: it was left before its end, or only listed. */
  readonly end: End | null;
  /** By agent id, in the order of the hosts' names. */
  readonly answers: ReadonlyMap<string, Answer<T>>;
  /** Hosts whose run succeeded, and whose answer is none. */
  readonly refused: readonly { readonly agentId: string; readonly why: string }[];
}

export interface Answer<T> {
  readonly name: string;
  readonly agentId: string;
  readonly answer: T;
}

/** What is taken of one answer: more than any has. */
export const ANSWER_BYTES = 4 * 1024 * 1024;
/** Of all hosts together, while their answers are not whole. */
const PENDING_BYTES = 256 * 1024 * 1024;
/** Asking changes nothing, so that a host may begin again after a crash. */
const SAFE_ATTEMPTS = 3;

/** Asks the hosts that are meant one thing about their packages, and reads what each of them answers. */
export async function gather<T>(
  surroundings: Surroundings,
  options: JobOptions,
  packages: PackagesBody,
  read: (bytes: Uint8Array) => T,
): Promise<Gathered<T>> {
  const view = createAnswerView(read);
  const wanted = { attempts: SAFE_ATTEMPTS, ...options, maxOutput: 2 * ANSWER_BYTES };
  const status = await dispatch(
    surroundings,
    wanted,
    async () => [{ packages }],
    () => view,
  );
  const { end, answers, refused } = view.gathered();
  const worse = refused.length > 0 && (status === EXIT.ok || status === EXIT.noAnswer);
  return {
    status: worse ? EXIT.failed : status,
    end: status === EXIT.detached ? null : end,
    answers,
    refused,
  };
}

interface Incoming {
  readonly attempt: number;
  readonly pieces: Uint8Array[];
  bytes: number;
  /** Why nothing of it can be used. */
  flaw: string | undefined;
}

export interface AnswerView<T> extends JobView {
  gathered(): Omit<Gathered<T>, 'status'>;
}

/** Takes the answers as they come; each is read as soon as its run succeeded, and its bytes are let go. */
export function createAnswerView<T>(read: (bytes: Uint8Array) => T): AnswerView<T> {
  const incoming = new Map<string, Incoming>();
  const answers = new Map<string, Answer<T>>();
  const refused = new Map<string, string>();
  let pendingBytes = 0;
  let end: End | null = null;

  function drop(agentId: string): void {
    pendingBytes -= incoming.get(agentId)?.bytes ?? 0;
    incoming.delete(agentId);
  }

  function incomingOf(agentId: string, attempt: number): Incoming {
    const known = incoming.get(agentId);
    if (known?.attempt === attempt) return known;
    // It was interrupted, and begins anew.
    drop(agentId);
    const made = { attempt, pieces: [], bytes: 0, flaw: undefined };
    incoming.set(agentId, made);
    return made;
  }

  function spoil(one: Incoming, flaw: string): void {
    one.flaw ??= flaw;
    pendingBytes -= one.bytes;
    one.bytes = 0;
    one.pieces.length = 0;
  }

  return {
    output({ agentId, attempt, stream, bytes, missingBytes }) {
      if (stream !== 'stdout') return;
      const one = incomingOf(agentId, attempt);
      if (missingBytes > 0) spoil(one, `${missingBytes} bytes of its answer were lost`);
      else if (one.bytes + bytes.length > ANSWER_BYTES)
        spoil(one, `its answer has more than ${formatSize(ANSWER_BYTES)}`);
      else if (pendingBytes + bytes.length > PENDING_BYTES)
        spoil(one, 'too many long answers came at once; ask fewer hosts at a time: --batch');
      if (one.flaw !== undefined) return;
      one.pieces.push(bytes);
      one.bytes += bytes.length;
      pendingBytes += bytes.length;
    },
    task() {},
    ended(run) {
      const { agentId, name, state } = run;
      // A late outcome takes the place of the first.
      answers.delete(agentId);
      refused.delete(agentId);
      if (VERDICT[state] !== 'succeeded') return;
      const one = incoming.get(agentId);
      try {
        const flaw = one?.flaw ?? flawOf(run);
        if (flaw !== undefined) throw new Error(flaw);
        answers.set(agentId, { name, agentId, answer: read(Buffer.concat(one?.pieces ?? [])) });
      } catch (error) {
        refused.set(agentId, error instanceof Error ? error.message : String(error));
      }
      drop(agentId);
    },
    finished(told) {
      end = told;
    },
    gathered: () => ({
      end,
      answers: new Map([...answers].sort(([, a], [, b]) => compareNames(a.name, b.name))),
      refused: [...refused].map(([agentId, why]) => ({ agentId, why })),
    }),
  };
}

function flawOf({ outcome }: Tracked): string | undefined {
  if (outcome?.truncated) return 'its answer was cut';
  return outcome?.gaps.some(({ stream }) => stream === 'stdout')
    ? 'a part of its answer was lost on the host'
    : undefined;
}
