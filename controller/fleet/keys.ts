import { type KeyPair, signKeyPair } from '../../proto/crypto.ts';
import { MusterError } from '../../proto/errors.ts';
import type { RandomBytes } from '../../proto/random.ts';
import type { SecretFiles } from './files.ts';

/** The controller's keys, each in a file of its own outside the database. */
export interface FleetKeys {
  /** Undefined once the root was moved off this machine. */
  root: KeyPair | undefined;
  controller: KeyPair;
  /** Signs builds of the agent; undefined once it was moved off this machine. */
  release: KeyPair | undefined;
  /** Seals the keys of unfinished jobs. */
  job: Uint8Array;
  /** False: these keys were here before. */
  made: boolean;
}

const KEY_BYTES = 32;
const FILES = {
  root: 'root.key',
  controller: 'controller.key',
  release: 'release.key',
  job: 'job.key',
} as const;

/**
 * Reads the keys, or makes all of them at the first start: never for a fleet that is there, whose agents trust others.
 * Throws MusterError('store-failed').
 */
export function openKeys(files: SecretFiles, random: RandomBytes, hasFleet: boolean): FleetKeys {
  const controller = readKey(files, FILES.controller);
  const root = readKey(files, FILES.root);
  const job = readKey(files, FILES.job);
  const release = readKey(files, FILES.release);
  if (controller && job)
    return {
      root: root && signKeyPair(root),
      controller: signKeyPair(controller),
      release: release && signKeyPair(release),
      job,
      made: false,
    };
  if (controller)
    throw new MusterError(
      'store-failed',
      `${FILES.job} is missing beside ${FILES.controller}; restore it from the backup`,
    );
  if (hasFleet)
    throw new MusterError(
      'store-failed',
      `the database holds a fleet, but ${FILES.controller} is not in the folder of its keys; restore that folder from the backup`,
    );
  // The controller's key is written last: with it in place the set is whole.
  const made = {
    root: root ?? random(KEY_BYTES),
    job: job ?? random(KEY_BYTES),
    release: release ?? random(KEY_BYTES),
    controller: random(KEY_BYTES),
  };
  files.write(FILES.root, made.root);
  files.write(FILES.job, made.job);
  files.write(FILES.release, made.release);
  files.write(FILES.controller, made.controller);
  return {
    root: signKeyPair(made.root),
    controller: signKeyPair(made.controller),
    release: signKeyPair(made.release),
    job: made.job,
    made: true,
  };
}

function readKey(files: SecretFiles, name: string): Uint8Array | undefined {
  const bytes = files.read(name);
  if (bytes && bytes.length !== KEY_BYTES) throw new MusterError('store-failed', `${name} is damaged`);
  // A copy of its own: a Buffer from the pool would share memory with others.
  return bytes && new Uint8Array(bytes);
}
