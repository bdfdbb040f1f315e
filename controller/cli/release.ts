/** Releases of this program's agent: its builds brought to the controller, and signed there. */
import type { ContentBody, UpgradeBody } from '../api/contract.ts';
import type { Arch, Builds, Form, Packed, Packing } from '../installer/build.ts';
import { type UploadParts, upload } from './content/upload.ts';
import { defined } from './job-body.ts';

export interface ReleaseParts extends UploadParts {
  /** Told of each build before its bytes move. */
  begun(bytes: number): void;
}

export interface WantedBuild {
  form: Form;
  /** Of a bundle it says nothing. */
  arch: Arch;
}

/** What agents unpack by themselves. */
const OF_UPGRADES: readonly Packing[] = ['zstd'];

/**
 * Brings the wanted builds to the controller (what is there already is not sent again), has them signed, and says what an order to
 * upgrade to them holds. Throws HostFailure('no-build'), and what the controller refuses with: release-key-away, store-full, …
 */
export async function publishRelease(
  parts: ReleaseParts,
  builds: Pick<Builds, 'packed'>,
  wanted: readonly WantedBuild[],
): Promise<UpgradeBody> {
  const packed: Packed[] = [];
  // A build stands in a release once.
  for (const { form, arch } of wanted) {
    const next = await builds.packed(form, arch, OF_UPGRADES);
    if (!packed.some(({ sha512 }) => sha512 === next.sha512)) packed.push(next);
  }
  const contents: ContentBody[] = [];
  for (const one of packed) contents.push(await uploadBuild(parts, one));
  const [first] = packed;
  if (!first) throw new TypeError('a release without a build');
  const { release, signatures } = await parts.client.call('releases.sign', {
    body: {
      agentVersion: first.build.version,
      builds: packed.map(({ build: { form, arch, sha512, length } }) => ({
        ...{ form, sha512, length },
        ...defined({ arch }),
      })),
    },
  });
  return { release, signatures, contents };
}

/** As it is packed. */
export async function uploadBuild(parts: ReleaseParts, packed: Packed): Promise<ContentBody> {
  const { form, arch } = packed.build;
  parts.begun(packed.length);
  return upload(parts, `the agent's ${arch ?? form}`, packed.sha512, packed);
}
