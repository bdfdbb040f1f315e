import { commandLine } from './cli/command-line.ts';
import { processSurroundings } from './cli/process-surroundings.ts';

/** `muster-agent`. The exit status is set and not forced, so that what is written to a slow pipe still arrives. */
commandLine(process.argv.slice(2), processSurroundings()).then((status) => {
  process.exitCode = status;
});
