import { toHex } from '../../proto/ids.ts';
import type { Statement } from '../db/database.ts';
import { claim, type Named } from './claim.ts';
import { createDownloads, type Downloads } from './downloads.ts';
import { openContentKey } from './keys.ts';
import type { ContentPorts } from './ports.ts';
import { pruneContents, reconcileContents } from './prune.ts';
import { createServing, type Serving } from './serving.ts';
import { contentByDigest } from './store.ts';
import { createUploads, type Uploads } from './upload.ts';

export interface Contents
  extends Pick<Uploads, 'show' | 'put'>,
    Pick<Serving, 'request' | 'forget'>,
    Downloads {
  /** See claim.ts. */
  claim(jobId: string, named: Named): Promise<Statement[]>;
  /** The key of a content that is here whole, in hex. */
  keyOf(sha512: string): Promise<string | undefined>;
  /** Removes what nobody used since `cutoffMs`. */
  prune(cutoffMs: number): Promise<{ contents: number; bytes: number }>;
  start(): void;
  stop(): Promise<void>;
}

const PRUNE_EVERY_MS = 3_600_000;
/** Long enough for a second try on Monday, short enough for a disk. */
const KEEP_MS = 7 * 86_400_000;

/** Large contents: uploaded by operators, named by jobs, fetched by their agents. */
export function createContents(ports: ContentPorts): Contents {
  const { clock, log } = ports;
  const uploads = createUploads(ports);
  const serving = createServing(ports);
  let cancelPrune = (): void => {};
  let underWay: Promise<void> = Promise.resolve();

  const prune = (cutoffMs: number) => pruneContents(ports, uploads, cutoffMs);

  async function tidy(first: boolean): Promise<void> {
    try {
      if (first) await reconcileContents(ports);
      const { contents, bytes } = await prune(clock.now() - KEEP_MS);
      if (contents > 0) log.info({ contents, bytes }, 'contents that nobody used were removed');
    } catch (error) {
      log.error({ err: error }, 'contents could not be tidied');
    }
  }

  function tidyEvery(first: boolean): void {
    cancelPrune = clock.after(PRUNE_EVERY_MS, () => tidyEvery(false));
    underWay = tidy(first);
  }

  return {
    show: uploads.show,
    put: uploads.put,
    ...createDownloads(ports),
    request: serving.request,
    forget: serving.forget,
    claim: (jobId, named) => claim(ports, jobId, named),
    async keyOf(sha512) {
      const [row] = await ports.db.read(contentByDigest({ sha512 }));
      return row?.state === 'complete' ? toHex(openContentKey(row.key_box, ports.sealingKey)) : undefined;
    },
    prune,
    start: () => tidyEvery(true),
    async stop() {
      cancelPrune();
      serving.stop();
      await underWay;
    },
  };
}
