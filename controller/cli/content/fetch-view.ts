import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { toHex } from '../../../proto/ids.ts';
import type { RandomBytes } from '../../../proto/random.ts';
import { Failure } from '../failure.ts';
import type { JobView, Piece } from '../output/view.ts';
import { formatSize } from '../size.ts';
import type { Tracked } from '../tally.ts';
import { discard, moveInto, type Unpacked, unpack } from './unpack.ts';

export interface FetchedHost {
  name: string;
  /** Where its files are now. */
  folder: string;
  files: Unpacked['files'];
}

export interface FetchParts {
  /** Each host gets a folder of its name in it. */
  into: string;
  force: boolean;
  random: RandomBytes;
  note(text: string): void;
  fetched(host: FetchedHost): void;
  failed(name: string, why: string): void;
}

/** Takes the archives of a job as they come; each host's files are there when it succeeded, and not before. */
export interface FetchView extends JobView {
  /** Resolves when nothing of it is under way; what did not come whole is gone. */
  done(): Promise<void>;
}

interface Incoming {
  readonly attempt: number;
  readonly archive: PassThrough;
  readonly folder: string;
  readonly unpacked: Promise<Unpacked | Error>;
  /** What cannot be seen in the archive itself. */
  flaw: string | undefined;
}

export function createFetchView(parts: FetchParts, rest: Pick<JobView, 'finished'>): FetchView {
  const incoming = new Map<string, Incoming>();
  const settling = new Set<Promise<void>>();
  /** Those whose reader is behind. */
  const full = new Map<PassThrough, Promise<void>>();

  function begin(name: string, attempt: number): Incoming {
    const archive = new PassThrough();
    // A reader that gave up says so by its own promise.
    archive.on('error', () => {});
    const folder = join(parts.into, `.${name}.${toHex(parts.random(4))}.part`);
    const unpacked = unpack(archive, folder, (text) => parts.note(`muster: ${name}: ${text}`)).catch(
      (error: unknown) => {
        archive.destroy();
        return error instanceof Error ? error : new Error(String(error));
      },
    );
    return { attempt, archive, folder, unpacked, flaw: undefined };
  }

  function incomingOf({ agentId, name, attempt }: Pick<Piece, 'agentId' | 'name' | 'attempt'>): Incoming {
    const known = incoming.get(agentId);
    if (known?.attempt === attempt) return known;
    // It was interrupted, and begins anew.
    if (known) leave(known);
    const made = begin(name, attempt);
    incoming.set(agentId, made);
    return made;
  }

  function later(work: Promise<void>): void {
    const settled = work.finally(() => settling.delete(settled));
    settling.add(settled);
  }

  function leave(one: Incoming): void {
    one.archive.destroy(new Error('it did not come whole'));
    later(one.unpacked.then(() => discard(one.folder)));
  }

  async function finish(run: Tracked, one: Incoming): Promise<void> {
    one.archive.end();
    const unpacked = await one.unpacked;
    try {
      const flaw = one.flaw ?? flawOf(run);
      if (flaw !== undefined) throw new Error(flaw);
      if (unpacked instanceof Error)
        throw unpacked instanceof Failure
          ? unpacked
          : new Error(`its archive is not good: ${unpacked.message}`);
      const folder = join(parts.into, run.name);
      await moveInto(one.folder, unpacked, folder, parts.force);
      parts.fetched({ name: run.name, folder, files: unpacked.files });
    } catch (error) {
      parts.failed(run.name, error instanceof Error ? error.message : String(error));
      await discard(one.folder);
    }
  }

  return {
    output(piece) {
      if (!isFolderName(piece.name)) return;
      const text = Buffer.from(piece.bytes).toString();
      if (piece.stream === 'stderr') return parts.note(`muster: ${piece.name}: ${text.trimEnd()}`);
      const one = incomingOf(piece);
      if (piece.missingBytes > 0) one.flaw ??= `${piece.missingBytes} bytes of its archive were lost`;
      if (one.archive.destroyed || one.archive.write(piece.bytes) || full.has(one.archive)) return;
      full.set(
        one.archive,
        new Promise((resolve) => {
          const go = (): void => {
            full.delete(one.archive);
            one.archive.off('drain', go).off('close', go);
            resolve();
          };
          one.archive.once('drain', go).once('close', go);
        }),
      );
    },
    task() {},
    ended(run) {
      const one = incoming.get(run.agentId);
      incoming.delete(run.agentId);
      if (run.state !== 'succeeded') return one && leave(one);
      if (!isFolderName(run.name)) return parts.failed(run.name, 'its name cannot be that of a folder');
      if (one) later(finish(run, one));
      else parts.failed(run.name, 'it sent no archive');
    },
    finished: rest.finished,
    settled: async () => void (await Promise.all(full.values())),
    async done() {
      for (const one of incoming.values()) leave(one);
      incoming.clear();
      while (settling.size > 0) await Promise.all(settling);
    },
  };
}

function flawOf({ outcome }: Tracked): string | undefined {
  if (outcome?.truncated)
    return `it has more than ${formatSize(outcome.storedBytes)}; ask for more with --max-size`;
  if (outcome && outcome.gaps.length > 0) return 'a part of its archive was lost on the host';
  return undefined;
}

/** Names come from the controller; one that leads elsewhere, or that hides, is none. */
function isFolderName(name: string): boolean {
  return name !== '' && !name.startsWith('.') && !/[/\0]/.test(name);
}
