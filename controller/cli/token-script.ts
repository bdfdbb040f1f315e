/** `muster token create --script`: a join token, in a script that installs the agent first. */

import { LIMITS } from '../../proto/limits.ts';
import type { TokenReply } from '../api/contract.ts';
import type { Arch, Form, Packed, Packing } from '../installer/build.ts';
import { HostFailure } from '../installer/failure.ts';
import { type JoinScript, joinScript } from '../installer/script/join-script.ts';
import type { Client } from './client.ts';
import { showUploads } from './content/upload-progress.ts';
import { wrongUse } from './failure.ts';
import { openBuilds } from './open-builds.ts';
import { sanitiseLine } from './output/sanitise.ts';
import { uploadBuild } from './release.ts';
import type { Surroundings } from './surroundings.ts';

export interface ScriptOptions {
  arch?: Arch[];
  runtime?: string[];
  service?: JoinScript['service'];
  proxy?: string;
}

export interface ScriptToken {
  ttlMs: number;
  name: string | undefined;
  isManual: boolean;
}

const SLACK_MS = 3_600_000;
/** Every machine knows one of them. */
const PACKINGS: readonly Packing[] = ['zstd', 'gzip'];

/**
 * Brings the builds to the controller, has it give them to whoever asks while the token is good, then makes the token: its life begins when
 * all the rest is done.
 */
export async function createScript(
  surroundings: Surroundings,
  client: Client,
  options: ScriptOptions,
  token: ScriptToken,
  make: () => Promise<TokenReply>,
): Promise<{ reply: TokenReply; script: string }> {
  const { proxy } = options;
  if (proxy !== undefined && !/^https?:$/.test(URL.parse(proxy)?.protocol ?? ''))
    throw wrongUse('--proxy is no address', 'it is http://HOST:PORT');
  // The token is made last.
  const ttlMs = Math.min(token.ttlMs + SLACK_MS, LIMITS.ttlMaxMs);
  const { fleetId, urls } = await client.call('fleet.trust', {});
  const builds = openBuilds(surroundings, options.runtime);
  const progress = showUploads(surroundings, client);
  const made: Packed[] = [];
  const add = async (form: Form, arch: Arch): Promise<void> => {
    for (const packing of PACKINGS) made.push(await builds.packed(form, arch, [packing]));
  };
  try {
    await add('bundle', 'x64');
    for (const arch of options.arch ?? (['x64', 'arm64'] as const)) {
      await add('executable', arch).catch((error: unknown) => {
        if (options.arch !== undefined || !(error instanceof HostFailure)) throw error;
        surroundings.stderr.write(
          `muster: machines with ${arch} need a Node of their own: ${sanitiseLine(error.detail)}\n`,
        );
      });
    }
    for (const packed of made) {
      const { sha512 } = await uploadBuild(progress, packed);
      await client.call('contents.publish', { params: { sha512 }, body: { ttlMs } });
    }
  } finally {
    progress.stop();
    await builds.close();
  }
  const reply = await make();
  const { service = 'auto' } = options;
  const { name, isManual } = token;
  const script = joinScript({
    ...{ token: reply.token, expiresAtMs: reply.expiresAtMs, name, isManual },
    ...{ fleetId, urls, ca: client.ca, service, proxy, builds: made },
  });
  return { reply, script };
}
