import { MUSTER_VERSION } from '../../proto/version.ts';
import { EXIT } from './failure.ts';
import type { Surroundings } from './surroundings.ts';

export async function version({ stdout }: Surroundings, options: { json?: boolean }): Promise<number> {
  stdout.write(
    options.json
      ? `${JSON.stringify({ version: MUSTER_VERSION, node: process.version })}\n`
      : `${MUSTER_VERSION}\n`,
  );
  return EXIT.ok;
}
