import { MusterError } from '../../../proto/errors.ts';
import type { RolloutSummary } from '../../api/contract.ts';
import type { Client } from '../client.ts';
import { wrongUse } from '../failure.ts';
import { sanitiseLine } from '../output/sanitise.ts';
import { shortId } from './guidance.ts';

const FULL_CHARS = 32;
const LEAST_CHARS = 4;
const PAGE = 1000;

/**
 * The rollout that an id, the beginning of one, or a name means; of several of a name the one that is not over. Throws `no-such-rollout`,
 * and a Failure (wrong use) where it means several: also where one is called as another's id begins.
 */
export async function findRollout(client: Pick<Client, 'call'>, text: string): Promise<string> {
  const prefix = text.toLowerCase();
  const isId = /^[0-9a-f]+$/.test(prefix) && prefix.length >= LEAST_CHARS && prefix.length <= FULL_CHARS;
  if (isId && prefix.length === FULL_CHARS) return prefix;
  if (text.trim() === '')
    throw wrongUse('the id of the rollout is empty', 'see the latest with "muster rollout"');
  const byId: RolloutSummary[] = [];
  const byName: RolloutSummary[] = [];
  for (let before: string | undefined; ; ) {
    const page = await client.call('rollouts.list', {
      query: { limit: PAGE, ...(before === undefined ? {} : { before }) },
    });
    byId.push(...page.filter(({ rollout }) => isId && rollout.startsWith(prefix)));
    byName.push(...page.filter(({ name }) => name === text));
    before = page.at(-1)?.rollout;
    if (page.length < PAGE) break;
  }
  const open = byName.filter(({ endedAtMs }) => endedAtMs === null);
  const found = [...new Set([...byId, ...(open.length === 1 ? open : byName)])];
  const [only, ...others] = found;
  if (only === undefined)
    throw new MusterError('no-such-rollout', `none has the id or name ${JSON.stringify(text.slice(0, 100))}`);
  if (others.length === 0) return only.rollout;
  const some = found.slice(0, 4).map(({ rollout, name }) => `${shortId(rollout)} (${sanitiseLine(name)})`);
  throw wrongUse(
    `"${text}" means ${found.length} rollouts: ${some.join(', ')}${found.length > 4 ? ', …' : ''}`,
    'say which one by its id',
  );
}
