import { z } from 'zod';
import { LIMITS } from '../../proto/limits.ts';

/**
 * What a host says of its machine, as the controller takes it: the shape of agent/facts/facts.ts with bounds. It is the
 * host's own word. Unknown fields are dropped (a newer agent may say more), and a field of the wrong shape is dropped
 * alone, so that one odd machine does not hide the rest of what it said.
 */
const STRING_CHARS = 256;
const MOST_ITEMS = 256;

/** Control characters become U+FFFD; what else a terminal or a page must not see is for whoever shows it. */
const text = z
  .string()
  .max(STRING_CHARS)
  .transform((value) => value.toWellFormed().replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd'));
const count = z.int().min(0);

/** Absent where it does not fit. */
function may<T extends z.ZodType>(shape: T) {
  return shape.optional().catch(undefined);
}

/** Items that fit, up to the bound; the others are dropped. */
function listOf<T extends z.ZodType>(shape: T) {
  return z.array(z.unknown()).transform((items) =>
    items.slice(0, MOST_ITEMS).flatMap((item) => {
      const parsed = shape.safeParse(item);
      return parsed.success ? [parsed.data] : [];
    }),
  );
}

export const factsShape = z.object({
  agentVersion: may(text),
  nodeVersion: may(text),
  arch: may(text),
  hostname: may(text),
  fqdn: may(text),
  os: may(z.object({ id: text, versionId: may(text), prettyName: may(text), family: may(text) })),
  kernel: may(z.object({ release: may(text), version: may(text) })),
  cpu: may(z.object({ model: may(text), count: may(count) })),
  memory: may(z.object({ totalBytes: may(count), swapTotalBytes: may(count) })),
  disks: may(listOf(z.object({ mount: text, fsType: may(text), device: may(text), totalBytes: may(count) }))),
  addresses: may(
    listOf(
      z.object({
        interface: text,
        family: z.enum(['ipv4', 'ipv6']),
        address: text,
        prefix: may(z.int().min(0).max(128)),
        mac: may(text),
      }),
    ),
  ),
  packageManager: may(text),
  init: may(text),
  virtualisation: may(text),
  cgroup: may(text),
  containment: may(text),
  agent: may(z.object({ form: text, arch: may(text) })),
  timezone: may(text),
  bootId: may(text),
  bootedAtMs: may(count),
  machineIdHash: may(text),
  user: may(z.object({ uid: count, name: may(text) })),
  rebootRequired: may(z.boolean()),
  volatile: may(
    z.object({
      gatheredAtMs: may(count),
      uptimeSeconds: may(count),
      load: may(z.array(z.number().min(0)).max(3)),
      memoryAvailableBytes: may(count),
      swapFreeBytes: may(count),
      disks: may(listOf(z.object({ mount: text, availableBytes: count }))),
    }),
  ),
});

export type Facts = z.infer<typeof factsShape>;

/** The facts in these bytes, bounded and stripped; undefined if they are too many or no JSON object in UTF-8. */
export function parseFacts(jsonBytes: Uint8Array): Facts | undefined {
  if (jsonBytes.length > LIMITS.factsBytes) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(jsonBytes));
  } catch {
    return undefined;
  }
  const parsed = factsShape.safeParse(json);
  return parsed.success ? parsed.data : undefined;
}
