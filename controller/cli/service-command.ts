import { join } from 'node:path';
import { ServiceFailure } from '../service/failure.ts';
import { PLACES } from '../service/layout.ts';
import type { Machine } from '../service/machine.ts';
import { parseSettings, type Variables, withSettings } from '../service/settings.ts';
import { createClient } from './client.ts';
import { parseContext, parseUrl } from './context.ts';
import { EXIT, Failure, wrongUse } from './failure.ts';
import { readTextIfThere } from './files.ts';
import { homeOf } from './home.ts';
import { paintFor } from './output/paint.ts';
import { jsonLine, sanitiseLine } from './output/sanitise.ts';
import { renderProperties } from './output/table.ts';
import { parseListen } from './serve-command.ts';
import { readSettings, SETTINGS, type ServeFlags, type ServeSettings } from './serve-settings.ts';
import type { Surroundings } from './surroundings.ts';

export interface ServiceOptions {
  home?: string;
  check?: boolean;
  json?: boolean;
}

/** `muster serve --install-service`: makes this program the controller of this machine, or the next version of the one that is. */
export async function installService(
  surroundings: Surroundings,
  flags: ServeFlags,
  options: ServiceOptions,
  entry: string,
): Promise<number> {
  requireRoot(surroundings);
  return onMachine(options, async (feature, machine) => {
    const { stdout, stderr, clock } = surroundings;
    const found = await feature.look(machine, await homesByHand(surroundings, machine, options.home));
    const given = givenBy(flags);
    const variables = parseSettings(withSettings(found.settings.text, given));
    const settings = completed(flags, variables);
    const listen = parseListen(settings.listen);
    const program = await feature.ownProgram(entry);
    const bytes = program.files.reduce((sum, file) => sum + file.bytes, 0);
    const wanted = {
      program: { ...program, bytes },
      schema: feature.KNOWN_SCHEMA,
      given,
      listen,
      home: options.home,
    };
    const plan = feature.planInstall(found, wanted);
    const steps = plan.steps.map(feature.sentenceOf);
    const note = (text: string): void => stderr.write(`muster: ${sanitiseLine(text)}\n`);
    for (const one of plan.notes) note(`note: ${one}`);
    if (options.check) {
      if (options.json) stdout.write(`${jsonLine({ check: true, steps, notes: plan.notes })}\n`);
      else for (const one of steps) stdout.write(`would ${sanitiseLine(one)}\n`);
      return EXIT.ok;
    }
    const stopping = new AbortController();
    const off = surroundings.onStop(() => stopping.abort(new ServiceFailure('stopped by you')));
    // As the file says it at that moment: after an undo it is where the controller of before listens.
    const url = (): string => {
      const now = parseSettings(machine.read(found.settings.path) ?? '');
      return localUrl(parseListen(readSettings({}, now).listen));
    };
    try {
      const installed = await feature.carryOut(plan, {
        ...{ machine, program, clock, tell: note, stopping: stopping.signal },
        notReady: (version) => notReady(url(), version),
      });
      const { version } = program;
      const report = { version, url: url(), steps, notes: plan.notes, home: PLACES.home, ...installed };
      if (options.json) stdout.write(`${jsonLine(report)}\n`);
      else stdout.write(told(report, found.settings.path, surroundings));
      return EXIT.ok;
    } finally {
      off();
    }
  });
}

/** `muster serve --uninstall-service`: takes the program off; the state stays. */
export async function uninstallService(surroundings: Surroundings, options: ServiceOptions): Promise<number> {
  requireRoot(surroundings);
  return onMachine(options, async (feature, machine) => {
    const { stdout, stderr } = surroundings;
    const check = options.check ?? false;
    const found = await feature.look(machine, []);
    const steps = await feature.removeService(machine, found, { check });
    const kept = found.homeIsThere ? PLACES.home : null;
    if (options.json) stdout.write(`${jsonLine({ check, steps, kept })}\n`);
    else for (const one of steps) stdout.write(`${check ? 'would ' : ''}${sanitiseLine(one)}\n`);
    if (steps.length === 0) stderr.write('muster: no service of Muster is here\n');
    if (kept)
      stderr.write(
        `muster: ${kept} stays, with the keys of the fleet; to destroy it: rm -r ${kept} && userdel ${PLACES.user}\n`,
      );
    return EXIT.ok;
  });
}

function requireRoot({ isRoot }: Surroundings): void {
  if (!isRoot) throw wrongUse('a service is installed by root', 'put "sudo" before it');
}

type Feature = typeof import('../service/service.ts');

/** Alone on it, unless nothing is to be changed. */
async function onMachine(
  { check }: ServiceOptions,
  action: (feature: Feature, machine: Machine) => Promise<number>,
): Promise<number> {
  const feature = await import('../service/service.ts');
  const machine = feature.systemMachine();
  let release = (): void => {};
  try {
    if (!check) release = machine.alone();
    return await action(feature, machine);
  } catch (error) {
    if (!(error instanceof ServiceFailure)) throw error;
    throw new Failure(EXIT.refused, error.message, error.next, { cause: error });
  } finally {
    release();
  }
}

/** Where an operator of this machine may have started a controller before. */
async function homesByHand(
  surroundings: Surroundings,
  machine: Machine,
  asked: string | undefined,
): Promise<string[]> {
  const homes = [homeOf(surroundings), join(surroundings.homeDirectory, '.muster')];
  if (asked !== undefined) homes.push(asked);
  const user = surroundings.env.SUDO_USER;
  if (user) {
    const { stdout } = await machine.run(['getent', 'passwd', '--', user]);
    const home = stdout.split(':')[5];
    if (home?.startsWith('/')) homes.push(join(home, '.muster'));
  }
  return homes;
}

/** What the flags say, as variables of the service's environment. */
export function givenBy(flags: ServeFlags): Variables {
  const given: Record<string, string> = {};
  for (const key of Object.keys(SETTINGS) as (keyof ServeSettings)[]) {
    const flag = flags[key];
    if (flag === undefined) continue;
    const text = [flag].flat().join(',');
    if (/\p{Cc}/u.test(text)) throw wrongUse(`${SETTINGS[key].flag.split(' ')[0]} holds a control character`);
    given[SETTINGS[key].env] = text;
  }
  return given;
}

/** As the service will read them: what is wrong is refused before anything is written. */
function completed(flags: ServeFlags, variables: Variables): ServeSettings {
  const settings = readSettings(flags, variables);
  for (const url of settings.urls) parseUrl(url, '--url');
  if (parseListen(settings.listen).port === 0) throw wrongUse('a service needs a port that stays the same');
  return settings;
}

/** Where it is reached on this machine, whatever its names elsewhere. */
export function localUrl({ host, port }: { host: string; port: number }): string {
  const local = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `https://${local.includes(':') ? `[${local}]` : local}:${port}`;
}

/** Its own authority is pinned, so nobody else is taken for it. */
async function notReady(url: string, version: string | undefined): Promise<string | undefined> {
  const ca = await readTextIfThere(join(PLACES.home, 'keys/ca.pem'));
  if (ca === undefined) return 'it has made no certificate yet';
  const token = await tokenFor(ca);
  const client = createClient({ url, ca, ...(token === undefined ? {} : { token }) });
  try {
    const { ready } = await client.call('ready', {}, { alsoGood: 503 });
    if (!ready) return 'it says that it is not ready';
    if (token === undefined) return undefined;
    const status = await client.call('status', {});
    return version === undefined || status.version === version
      ? undefined
      : `version ${status.version} answers`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    client.close();
  }
}

/** Root's own context may be of another controller, or nothing that can be read. */
async function tokenFor(ca: string): Promise<string | undefined> {
  const text = await readTextIfThere(join(PLACES.home, 'context.json'));
  try {
    const context = parseContext(text ?? '', PLACES.home);
    return context.ca === ca ? context.token : undefined;
  } catch {
    return undefined;
  }
}

interface Report {
  version: string;
  url: string;
  steps: readonly string[];
  backup: string | null;
  movedTo: string | null;
}

function told(report: Report, settings: string, { stdout, env }: Surroundings): string {
  const lines: [string, string][] = [
    ['controller', `muster ${report.version}, ready at ${report.url}`],
    ['program', PLACES.program],
    ['settings', `${settings}; after a change: systemctl restart ${PLACES.service}`],
    ['unit', PLACES.unit],
    ['state', PLACES.home],
    ['log', `journalctl -u ${PLACES.service}`],
  ];
  if (report.backup !== null) lines.push(['backup', report.backup]);
  if (report.movedTo !== null)
    lines.push(['moved', `what was taken over is in ${report.movedTo} as well; remove it when all is well`]);
  if (report.steps.length === 1) lines.push(['changed', 'nothing: all of it was as it should be']);
  lines.push(['next', 'muster status; muster install HOST…']);
  return renderProperties(lines, paintFor(stdout.isTerminal, env));
}
