/**
 * What tells machines apart, in one line: two entries that say the same are one machine. The boot id is a kernel's, and clones that
 * run at once have each their own; machines that share a kernel (containers) differ in the namespaces of their first process, or
 * in their root.
 */
export const IDENTITY_TEXT = `export LC_ALL=C
printf '%s %s %s %s %s\\n' \\
  "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)" \\
  "$(readlink /proc/1/ns/pid 2>/dev/null)" \\
  "$(readlink /proc/1/ns/mnt 2>/dev/null)" \\
  "$(ls -diL / 2>/dev/null | tr -dc '0-9')" \\
  "$(sed -n 's/^[^ ]* [^ ]* \\([0-9:]*\\) [^ ]* \\/ .*/\\1/p' /proc/self/mountinfo 2>/dev/null | tail -n 1)"
`;

/** Undefined where a host does not say enough. */
export function readIdentity(stdout: string): string | undefined {
  const line = stdout.split('\n')[0] ?? '';
  return /^[0-9a-f-]{36} [\x21-\x7e ]{0,256}\S$/.test(line) ? line : undefined;
}
