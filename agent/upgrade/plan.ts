import type { ReleaseContent } from '../../certs/release.ts';
import type { Message } from '../../proto/codec.ts';
import type { Form } from '../../proto/slots.ts';
import { compareVersions } from '../../proto/version-order.ts';

/** The agent that runs here. */
export interface Running {
  readonly version: string;
  readonly form: Form;
  /** As Node calls it. */
  readonly arch: string;
}

export type UpgradePlan =
  | { readonly is: 'refused'; readonly why: string }
  /** `index` is the build's place in the release. */
  | { readonly is: 'take'; readonly index: number; readonly build: Message<'Build'> };

/** Which build of a release, whose signature is right, this agent may become. `minimum` is the trust document's, empty where it has none. */
export function planUpgrade(
  { agentVersion, builds }: ReleaseContent,
  running: Running,
  minimum: string,
): UpgradePlan {
  if (compareVersions(agentVersion, running.version) < 0)
    return refused(
      `version ${running.version} runs here, and is not replaced by ${agentVersion}, which is lower`,
    );
  if (minimum !== '' && compareVersions(agentVersion, minimum) < 0)
    return refused(`version ${agentVersion} is lower than ${minimum}, the lowest that the fleet allows`);
  const { form, arch } = running;
  const index = builds.findIndex((one) => one.form === form && (form === 'bundle' || one.arch === arch));
  const build = builds[index];
  if (build) return { is: 'take', index, build };
  const needed = form === 'bundle' ? 'bundle' : `executable for ${arch}`;
  return refused(`the release has no ${needed}, which is what runs here`);
}

function refused(why: string): UpgradePlan {
  return { is: 'refused', why };
}
