/** The agent and its node in one file (a single executable application of Node): the same inputs give the same bytes. */
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Arch } from '../build.ts';
import { HostFailure } from '../failure.ts';
import { runProgram } from './processes.ts';
import type { Program } from './program.ts';
import { putNode, type RuntimeSource } from './runtime.ts';

/** What bin/muster-agent gives its node. The names stand in the blob: relative, so that it is the same wherever it is made. */
const CONFIG = {
  main: 'agent.cjs',
  output: 'agent.blob',
  disableExperimentalSEAWarning: true,
  useSnapshot: false,
  useCodeCache: false,
  execArgv: ['--disable-warning=ExperimentalWarning', '--optimize-for-size'],
  execArgvExtension: 'none',
};
const MAKE_MS = 5 * 60_000;

/** For the key of what is kept: another way to make it is another file. */
export const RECIPE = JSON.stringify(CONFIG);

export interface ExecutableSource extends RuntimeSource {
  program: Program;
  /** The node that this program runs on. */
  node: { path: string; version: string };
}

/** Made in `work`, an empty folder. Throws HostFailure('no-build'), and what the disk says. */
export async function makeExecutable(source: ExecutableSource, arch: Arch, work: string): Promise<string> {
  const { program, node, clock, signal } = source;
  const { version } = program.runtimes[arch];
  // A node reads only what its own version has written.
  if (node.version !== `v${version}`)
    throw new HostFailure(
      'no-build',
      `this program runs on Node ${node.version} instead of its own ${version}`,
    );
  const file = join(work, 'agent');
  await putNode(source, arch, file, work);
  await copyFile(program.bundle, join(work, CONFIG.main));
  await writeFile(join(work, 'config.json'), RECIPE);
  const options = { env: {}, cwd: work, clock, signal, maxMs: MAKE_MS };
  await runProgram(node.path, ['--experimental-sea-config', 'config.json'], options);
  await runProgram(
    node.path,
    ['--disable-warning=ExperimentalWarning', program.injector, file, CONFIG.output],
    options,
  );
  return file;
}
