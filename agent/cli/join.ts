import { rmSync } from 'node:fs';
import { decodeToken, type TokenContent } from '../../certs/enrolment.ts';
import { idOfAgent, makeAgentKeys } from '../../certs/identity.ts';
import { pinned } from '../../certs/trust.ts';
import { MusterError } from '../../proto/errors.ts';
import { equalBytes, toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import { labelProblem, nameProblem } from '../../proto/name.ts';
import { MUSTER_VERSION } from '../../proto/version.ts';
import { writeWhole } from '../identity/atomic-file.ts';
import { identityStore, readIdentity } from '../identity/file-store.ts';
import { type Home, homeAt, makeHome, readText } from '../identity/home.ts';
import type { Identity } from '../identity/identity.ts';
import { encodeIdentity, parseIdentity } from '../identity/identity-file.ts';
import { agentAddress } from '../link/address.ts';
import { enrol } from '../link/enrol.ts';
import type { Via } from '../link/proxy.ts';
import { openJournal } from '../spool/open-journal.ts';
import type { Surroundings } from './surroundings.ts';

export interface JoinOptions {
  readonly tokenFile?: string;
  readonly token?: string;
  readonly name?: string;
  /** As typed: key=value. */
  readonly label?: readonly string[];
  readonly replace?: boolean;
  readonly url?: string;
  readonly json?: boolean;
  readonly via?: Via | undefined;
}

/** Joins the fleet that the token names. Returns the exit status; throws MusterError. */
export async function join(folder: string, options: JoinOptions, around: Surroundings): Promise<number> {
  const home = homeAt(folder);
  const labels = parseLabels(options.label ?? []);
  const name = options.name ?? nameFrom(around.hostname());
  const problem = nameProblem(name);
  if (problem) throw new MusterError('bad-name', problem);
  const urls = options.url === undefined ? undefined : [options.url];
  for (const url of urls ?? []) agentAddress(url);
  const token = decodeToken(await readToken(options, around));
  const known = readIdentity(home);
  if (known) return alreadyJoined(known, token, options, around);

  makeHome(home);
  const journal = openJournal({
    file: home.journal,
    newEpoch: () => around.random(LIMITS.keyIdBytes),
    now: around.clock.now,
    onCorrupt: (_cause, movedTo) => around.note(`muster-agent: a damaged journal was moved to ${movedTo}\n`),
  });
  try {
    const identity = takeKeys(home, name, token, urls ?? token.urls, around);
    const store = identityStore(home, identity, pinned(token.fleetId, token.rootKeyId));
    const greeter = {
      store,
      random: around.random,
      instance: around.random(LIMITS.keyIdBytes),
      bootId: '',
      agentVersion: MUSTER_VERSION,
      epoch: journal.epoch,
      factsDigest: () => new Uint8Array(0),
      wallMs: around.clock.now,
      onTime: () => {},
    };
    const grant = await enrol(
      { clock: around.clock, dial: around.dialVia(options.via), greeter },
      identity.urls,
      {
        name,
        labels,
        replace: options.replace === true,
        hostname: around.hostname().slice(0, LIMITS.nameChars),
        machineId: around.machineId(),
        tokenSecret: token.secret,
      },
    );
    writeWhole(home.identity, encodeIdentity({ ...identity, name: grant.name }));
    rmSync(home.joining, { force: true });
    tell({ ...identity, name: grant.name }, grant.state, options, around);
    return 0;
  } finally {
    journal.close();
  }
}

/**
 * The keys are made, and kept, before anything is asked: when the grant is lost on its way, the same token with the same
 * keys gets it again.
 */
function takeKeys(
  home: Home,
  name: string,
  token: TokenContent,
  urls: readonly string[],
  around: Surroundings,
): Identity {
  const text = readText(home.joining);
  const begun = text === undefined ? undefined : parseIdentity(text, home.joining);
  const keys = begun && equalBytes(begun.fleetId, token.fleetId) ? begun.keys : makeAgentKeys(around.random);
  const agentId = idOfAgent(token.fleetId, keys.sign.publicKey);
  const identity = { fleetId: token.fleetId, agentId, name, keys, urls };
  writeWhole(home.joining, encodeIdentity(identity));
  return identity;
}

/** Nothing is asked of the controller: this agent's keys are its own, and what it is called there is decided there. */
function alreadyJoined(
  known: Identity,
  token: TokenContent,
  options: JoinOptions,
  around: Surroundings,
): number {
  if (!equalBytes(known.fleetId, token.fleetId))
    throw new MusterError('home-taken', 'run "muster-agent leave" first, or use another MUSTER_AGENT_HOME');
  const asksForMore =
    (options.name !== undefined && options.name !== known.name) ||
    (options.label ?? []).length > 0 ||
    options.replace === true;
  if (!asksForMore) {
    around.note('muster-agent: it has joined this fleet already; nothing was done\n');
    tell(known, 'active', options, around);
    return 0;
  }
  around.note(
    `muster-agent: it has joined this fleet already, as ${known.name}; nothing was done\n` +
      '  change its labels with "muster agents label", or run "muster-agent leave" first to join anew\n',
  );
  return 1;
}

function tell(identity: Identity, state: string, { json }: JoinOptions, around: Surroundings): void {
  const { name, agentId, fleetId } = identity;
  if (json) {
    around.print(`${JSON.stringify({ name, id: toHex(agentId), fleet: toHex(fleetId), state })}\n`);
    return;
  }
  around.print(`joined as ${name} (${toHex(agentId)})\n`);
  if (state === 'pending') around.note('muster-agent: an operator has to approve it before it is of use\n');
}

/** By file, standard input or prompt; on the command line it can be read by every user of the machine. */
async function readToken(options: JoinOptions, around: Surroundings): Promise<string> {
  if (options.tokenFile !== undefined && options.token !== undefined)
    throw new MusterError('bad-request', '--token-file and --token exclude each other');
  if (options.token !== undefined) {
    around.note(
      'muster-agent: a token on the command line can be read by every user of this machine; use --token-file\n',
    );
    return options.token;
  }
  if (options.tokenFile === undefined) {
    if (!around.stdinIsTerminal)
      throw new MusterError('bad-request', 'a token is needed: --token-file FILE, or - for stdin');
    return around.ask('Join token: ', true);
  }
  try {
    return options.tokenFile === '-' ? await around.readStdin() : around.readFile(options.tokenFile);
  } catch (cause) {
    throw new MusterError('bad-request', `the token cannot be read: ${(cause as Error).message}`);
  }
}

function parseLabels(texts: readonly string[]): Record<string, string> {
  const labels = new Map<string, string>();
  for (const text of texts) {
    const at = text.indexOf('=');
    const [key, value] = at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
    const problem = at < 0 ? 'a label is KEY=VALUE' : labelProblem(key, value);
    if (problem) throw new MusterError('bad-request', `--label ${text}: ${problem}`);
    labels.set(key, value);
  }
  if (labels.size > LIMITS.labelsPerAgent)
    throw new MusterError('bad-request', `more than ${LIMITS.labelsPerAgent} labels`);
  return Object.fromEntries(labels);
}

/** A host name as an agent's name: lower case, and a dash for whatever a name does not have. */
export function nameFrom(hostname: string): string {
  return hostname
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replaceAll(/\.{2,}/g, '.')
    .replaceAll(/^[.-]+|[.-]+$/g, '')
    .slice(0, LIMITS.nameChars);
}
