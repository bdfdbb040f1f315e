import { idOfAgent, makeAgentKeys } from '../../certs/identity.ts';
import { applyTrust, pinned, type Trust } from '../../certs/trust.ts';
import { MusterError } from '../../proto/errors.ts';
import { equalBytes, fromHex, toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import { nameProblem } from '../../proto/name.ts';
import { writeWhole } from '../identity/atomic-file.ts';
import { identityStore, parseObject, readIdentity } from '../identity/file-store.ts';
import { type Home, homeAt, makeHome } from '../identity/home.ts';
import type { Identity } from '../identity/identity.ts';
import { encodeIdentity } from '../identity/identity-file.ts';
import { agentAddress } from '../link/address.ts';
import { openJournal } from '../spool/open-journal.ts';
import type { Surroundings } from './surroundings.ts';

/** What an installer gives over the channel whose other end it has checked. */
interface Chain {
  readonly fleetId: Uint8Array;
  readonly rootKeyId: Uint8Array;
  readonly urls: readonly string[];
  readonly documents: readonly Uint8Array[];
}

/**
 * Makes this host's keys and journal, keeps whom to trust, and prints the public keys as one JSON object, to be registered by
 * whoever reads them. No secret goes either way. Done before for the same fleet, it prints the same again. Returns the exit
 * status; throws MusterError: bad-request, bad-name, home-taken, home-busy, trust-rejected, journal-failed.
 */
export async function init(
  folder: string,
  { name }: { readonly name: string },
  around: Surroundings,
): Promise<number> {
  const problem = nameProblem(name);
  if (problem) throw new MusterError('bad-name', problem);
  const chain = parseChain(await around.readStdin());
  const trust = walk(chain);
  const home = homeAt(folder);
  const known = readIdentity(home);
  if (known && !equalBytes(known.fleetId, chain.fleetId))
    throw new MusterError('home-taken', 'run "muster-agent leave" first, or use another MUSTER_AGENT_HOME');
  makeHome(home);
  const journal = openJournal({
    file: home.journal,
    newEpoch: () => around.random(LIMITS.keyIdBytes),
    now: around.clock.now,
    onCorrupt: (_cause, movedTo) => around.note(`muster-agent: a damaged journal was moved to ${movedTo}\n`),
  });
  try {
    const identity = known ?? makeIdentity(home, name, chain, trust, around);
    around.print(
      `${JSON.stringify({
        name: identity.name,
        id: toHex(identity.agentId),
        fleet: toHex(identity.fleetId),
        signKey: toHex(identity.keys.sign.publicKey),
        boxKey: toHex(identity.keys.box.publicKey),
        epoch: toHex(journal.epoch()),
        hostname: around.hostname().slice(0, LIMITS.nameChars),
        created: known === undefined,
      })}\n`,
    );
    return 0;
  } finally {
    journal.close();
  }
}

/** The trust first: a home with an identity has whom to trust. */
function makeIdentity(home: Home, name: string, chain: Chain, trust: Trust, around: Surroundings): Identity {
  const { fleetId, urls } = chain;
  const keys = makeAgentKeys(around.random);
  const agentId = idOfAgent(fleetId, keys.sign.publicKey);
  const identity = { fleetId, agentId, name, keys, urls };
  const last = chain.documents.at(-1);
  if (last) identityStore(home, identity, trust).saveTrust(trust, last);
  writeWhole(home.identity, encodeIdentity(identity));
  return identity;
}

function walk({ fleetId, rootKeyId, documents }: Chain): Trust {
  return documents.reduce((trust, document) => applyTrust(trust, document), pinned(fleetId, rootKeyId));
}

/** Throws MusterError('bad-request') that names the field. */
function parseChain(text: string): Chain {
  const fields = parseObject(text, 'what came on standard input');
  const bad = (field: string): never => {
    throw new MusterError('bad-request', `what came on standard input: ${field}`);
  };
  const id = (field: string): Uint8Array => {
    const value = fields[field];
    return (typeof value === 'string' ? fromHex(value, LIMITS.keyIdBytes) : undefined) ?? bad(field);
  };
  const strings = (field: string, max: number): string[] => {
    const value = fields[field];
    if (!Array.isArray(value) || value.length === 0 || value.length > max) return bad(field);
    return value.map((one) => (typeof one === 'string' ? one : bad(field)));
  };
  const urls = strings('urls', 16);
  for (const url of urls) agentAddress(url);
  const documents = strings('documents', LIMITS.trustChainDocuments).map((one) => Buffer.from(one, 'base64'));
  return { fleetId: id('fleetId'), rootKeyId: id('rootKeyId'), urls, documents };
}
