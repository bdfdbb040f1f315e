import { z } from 'zod';
import { wrongUse } from '../failure.ts';
import { readBytes } from '../files.ts';
import { REPORT_VERSION, type Report } from './report.ts';

const text = z.string();
const ms = z.int().nonnegative();
const labels = z.record(text, text);
const policy = z.enum(['strict', 'accept-new', 'ask']);
const service = z.enum(['auto', 'systemd', 'openrc', 'none']);

/** What an earlier install wrote; somebody may have edited it since. */
const shape = z.strictObject({
  version: z.literal(REPORT_VERSION),
  startedAtMs: ms,
  endedAtMs: ms.nullable(),
  controller: text,
  options: z.strictObject({
    user: text.exactOptional(),
    port: z.int().min(1).max(65_535).exactOptional(),
    identity: z.array(text).exactOptional(),
    sudo: z.boolean().exactOptional(),
    label: labels.exactOptional(),
    concurrency: z.int().min(1).max(500).exactOptional(),
    hostKeyPolicy: policy.exactOptional(),
    service: service.exactOptional(),
    proxy: text.exactOptional(),
    proxyAuthFile: text.exactOptional(),
    replace: z.boolean().exactOptional(),
    runtime: z.array(text).exactOptional(),
    connectTimeout: ms.exactOptional(),
  }),
  hosts: z.array(
    z.strictObject({
      host: text,
      state: z.enum(['waiting', 'done', 'failed', 'no-answer', 'left']),
      did: text.nullable(),
      name: text.nullable(),
      agentId: text.nullable(),
      version: text.nullable(),
      cause: text.nullable(),
      detail: text.nullable(),
      step: text.nullable(),
      durationMs: z.number().nullable(),
      sentBytes: ms,
      warnings: z.array(text),
      entry: z.object({
        written: text,
        name: text.optional(),
        host: text,
        port: z.int().min(1).max(65_535).optional(),
        user: text.optional(),
        identityFiles: z.array(text),
        proxyJump: z.array(text).optional(),
        labels,
        sudo: z.boolean().optional(),
        from: text,
      }),
    }),
  ),
});

const REPORT_BYTES = 64 * 1024 * 1024;

/** Throws a Failure (wrong use) that names the file and the place. */
export async function readReport(path: string): Promise<Report> {
  const bytes = await readBytes(path, REPORT_BYTES);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    throw wrongUse(`${path} is not JSON`, 'it has to be the report of an earlier "muster install"');
  }
  const read = shape.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw wrongUse(
      `${path} is no report of an install: ${issue?.path.join('.') || 'it'}: ${issue?.message ?? 'unknown'}`,
    );
  }
  const { data } = read;
  return {
    ...data,
    hosts: data.hosts.map((host) => {
      const { name, port, user, proxyJump, sudo, ...entry } = host.entry;
      return { ...host, entry: { ...entry, name, port, user, proxyJump, sudo } };
    }),
  };
}
