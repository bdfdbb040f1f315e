import { commandLine } from './cli/command-line.ts';
import { processSurroundings } from './cli/process-surroundings.ts';

/**
 * `muster`. The exit status is set and not forced: whatever still waits to be written to a slow pipe is written, and a
 * handle that somebody forgot shows itself as a command that does not end.
 */
const status = await commandLine(process.argv.slice(2), processSurroundings());
process.exitCode ??= status;
