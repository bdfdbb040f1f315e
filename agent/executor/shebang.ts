/** As much of a script as the kernel looks at (BINPRM_BUF_SIZE since Linux 5.1). */
const KERNEL_BYTES = 256;

export type Shebang =
  /** `argument` is everything after the interpreter, as one word: the kernel does not split it. */
  { readonly interpreter: string; readonly argument?: string } | { readonly problem: string };

/** Reads a script's first line like Linux' fs/binfmt_script.c. A script without one is for /bin/sh, as in execvp. */
export function parseShebang(content: Uint8Array): Shebang {
  const head = Buffer.from(content.subarray(0, KERNEL_BYTES)).toString('utf8');
  if (!head.startsWith('#!')) return { interpreter: '/bin/sh' };
  const newline = head.indexOf('\n');
  if (newline < 0 && content.length >= KERNEL_BYTES)
    return { problem: `the script's first line is longer than ${KERNEL_BYTES} bytes` };
  const line = newline < 0 ? head : head.slice(0, newline);
  if (line.endsWith('\r'))
    return {
      problem: `the script has Windows line ends: its first line is ${JSON.stringify(line)}; convert it to Unix line ends`,
    };
  const match = /^#![ \t]*([^ \t\0]*)[ \t]*([^\0]*?)[ \t]*$/.exec(line);
  if (!match) return { problem: `the script's first line holds a NUL byte` };
  const [, interpreter, argument] = match;
  if (!interpreter) return { interpreter: '/bin/sh' };
  return argument ? { interpreter, argument } : { interpreter };
}
