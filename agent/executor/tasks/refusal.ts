import { MusterError } from '../../../proto/errors.ts';

/** A path that this agent may not touch, and why. */
export function refused(path: string, why: string): MusterError {
  return new MusterError('bad-path', `${shown(path)} ${why}`);
}

/** A path for a line of output: one that could pass for several lines, or paint a terminal, is quoted. */
export function shown(path: string): string {
  return /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/.test(path)
    ? JSON.stringify(path)
    : path;
}

const NOT_YET = 'NOT_YET';

/** Something that is not there, and that an earlier task of the run may bring. */
export function notYet(sentence: string): Error {
  return Object.assign(new Error(sentence), { code: NOT_YET });
}

export function isNotYet(cause: unknown): cause is Error {
  return codeOf(cause) === NOT_YET;
}

export function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
}

const SENTENCES: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EBUSY: 'it is a mount point, or in use by the system',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file is larger than the file system allows',
  EINVAL: 'the file system does not take this name or this change',
  EIO: 'the disk failed (input/output error)',
  ELOOP: 'it is a loop of links',
  EMFILE: 'the agent has no file descriptor left',
  ENAMETOOLONG: 'the name is too long for the file system',
  ENFILE: 'the machine has no file descriptor left',
  ENOENT: 'it is gone, or was never there',
  ENOSPC: 'no space is left on the file system',
  ENOTDIR: 'it is not a directory',
  ENOTEMPTY: 'the directory is not empty',
  ENOTSUP: 'the file system cannot do this',
  EPERM: 'not permitted; it may be immutable (lsattr shows that), or the agent is not root',
  EROFS: 'the file system is read-only',
  ESTALE: 'the network file system lost it',
  ETXTBSY: 'it is being executed',
  EXDEV: 'it is a mount point',
};

/** What the machine threw, in words, without the agent's own way to the file. */
export function explain(cause: unknown): string {
  const code = codeOf(cause);
  const sentence = code === undefined ? undefined : SENTENCES[code];
  if (sentence !== undefined) return `${sentence} (${code})`;
  return cause instanceof Error ? cause.message : String(cause);
}
