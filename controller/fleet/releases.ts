/** Signs builds of the agent. What an agent may become is so said by the release key, and when by whoever may order it. */
import type { ReleaseContent, SignedRelease } from '../../certs/release.ts';
import { toHex } from '../../proto/ids.ts';
import type { Database, Statement } from '../db/database.ts';

export interface ReleasesPorts {
  db: Database;
  audit: { entry(actor: { name: string }, action: string, detail: object): Statement };
  fleet: { signBuilds(content: ReleaseContent): SignedRelease };
}

/** `sha512` is hex. */
export interface ReleaseRequest {
  agentVersion: string;
  builds: { form: 'bundle' | 'executable'; arch?: 'x64' | 'arm64'; sha512: string; length: number }[];
}

export function createReleases({ db, audit, fleet }: ReleasesPorts) {
  return {
    /** Throws bad-request, release-key-away. */
    async sign({ agentVersion, builds }: ReleaseRequest, by: { name: string }) {
      const { release, signatures } = fleet.signBuilds({
        agentVersion,
        builds: builds.map(({ form, arch = '', sha512, length }) => ({
          ...{ form, arch, length },
          sha512: Buffer.from(sha512, 'hex'),
        })),
      });
      await db.write([audit.entry(by, 'release.sign', { version: agentVersion, builds })]);
      return {
        release: Buffer.from(release).toString('base64'),
        signatures: signatures.map(({ keyId, signature }) => ({
          keyId: toHex(keyId),
          signature: Buffer.from(signature).toString('base64'),
        })),
      };
    },
  };
}
