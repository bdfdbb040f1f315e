/** Agents as Muster installs them, in a folder of their own: two slots, the real launcher, and versions of the agent that were never released. */
import { mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import type { Client } from '../../controller/cli/client.ts';
import { launcherText } from '../../controller/installer/remote/launcher.ts';
import { layoutAt } from '../../controller/installer/remote/layout.ts';
import { supervisorText } from '../../controller/installer/remote/service-files.ts';
import { sha512 } from '../../proto/crypto.ts';
import { toHex } from '../../proto/ids.ts';
import { encodeSlotRelease, parseOutcome, type Slot } from '../../proto/slots.ts';
import { MUSTER_VERSION } from '../../proto/version.ts';

const BUNDLE = new URL('../../dist/agent/main.cjs', import.meta.url).pathname;
const compress = promisify(zstdCompress);

/** What a version does instead when it is to run; whatever else it is asked it does as any other. */
const FAULTS = {
  none: '',
  crashes: 'throw new Error("cannot be");',
  exits: 'process.exit(7);',
  /** As a version to come may: it brings the journal to its own form. */
  'changes the journal and ends': `
    const { DatabaseSync } = require("node:sqlite");
    new DatabaseSync(process.env.MUSTER_AGENT_HOME + "/journal.db").exec(
      "ALTER TABLE runs ADD COLUMN zone TEXT NOT NULL DEFAULT ''; CREATE TABLE later (a TEXT) STRICT; PRAGMA user_version = 99");
    process.exit(7);`,
  hangs: 'for (;;);',
  'cannot connect': `require("node:net").Socket.prototype.connect = function () {
    setImmediate(() => this.destroy(new Error("no way out")));
    return this;
  };`,
} as const;
export type Fault = keyof typeof FAULTS;

/** The program of another version. */
export function bundleOf(version: string, fault: Fault = 'none'): Buffer {
  const text = readFileSync(BUNDLE, 'utf8');
  const named = text.replaceAll(`"${MUSTER_VERSION}"`, `"${version}"`);
  const begin = fault === 'none' ? '' : `if (process.argv[2] === "run") { ${FAULTS[fault]} }\n`;
  return Buffer.from(begin + named);
}

export interface InstalledAgent {
  readonly program: string;
  readonly launcher: string;
  /** Starts it, and again whenever it ends. */
  readonly supervisor: string;
  current(): string;
  /** What became of the last trial. */
  outcome(): ReturnType<typeof parseOutcome>;
}

/** Below a root of its own, with this build's own agent in slot a. */
export function installProgram(root: string, version = MUSTER_VERSION): InstalledAgent {
  const layout = layoutAt(root);
  const { program, launcher, supervisor } = layout;
  mkdirSync(join(program, 'bin'), { recursive: true });
  for (const folder of [layout.log, layout.pidFile]) mkdirSync(dirname(folder), { recursive: true });
  for (const [path, text] of [
    [launcher, launcherText(layout)],
    [supervisor, supervisorText(`${root}/settings`, layout)],
  ] as const)
    writeFileSync(path, text, { mode: 0o755 });
  fillSlot(program, 'a', version, bundleOf(version));
  symlinkSync('a', join(program, 'current'));
  return {
    program,
    launcher,
    supervisor,
    current: () => readlinkSync(join(program, 'current')),
    outcome: () => parseOutcome(readFileSync(join(program, 'last-trial', 'outcome'), 'utf8')),
  };
}

export function fillSlot(program: string, slot: Slot, version: string, bytes: Uint8Array): void {
  const folder = join(program, slot);
  mkdirSync(folder);
  writeFileSync(join(folder, 'agent.cjs'), bytes);
  symlinkSync(process.execPath, join(folder, 'node'));
  const release = {
    version,
    form: 'bundle' as const,
    arch: undefined,
    sha512: toHex(sha512(bytes)),
    length: bytes.length,
  };
  writeFileSync(join(folder, 'release.json'), encodeSlotRelease(release));
}

/** An upgrade task as the command line would ask for it: signed, and its content uploaded. */
export async function upgradeTask(
  client: Client,
  version: string,
  bytes: Uint8Array,
  more: { onlineWithinMs?: number } = {},
) {
  const packed = await compress(bytes);
  const builds = [{ form: 'bundle' as const, sha512: toHex(sha512(bytes)), length: bytes.length }];
  const signed = await client.call('releases.sign', { body: { agentVersion: version, builds } });
  const name = toHex(sha512(packed));
  const put = { params: { sha512: name }, query: { offset: 0, length: packed.length } };
  const { key } = await client.call('contents.put', put, { bytes: packed });
  return {
    upgrade: { ...signed, contents: [{ sha512: name, length: packed.length, key: key ?? '' }], ...more },
  };
}
