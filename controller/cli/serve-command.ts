import { DEFAULT_PORT, parseUrl } from './context.ts';
import { EXIT, wrongUse } from './failure.ts';
import { homeOf } from './home.ts';
import { readSettings, type ServeFlags } from './serve-settings.ts';
import type { Surroundings } from './surroundings.ts';

/** Runs the controller until Ctrl-C or SIGTERM. */
export async function serveCommand(surroundings: Surroundings, flags: ServeFlags): Promise<number> {
  const settings = readSettings(flags, surroundings.env);
  // The controller is most of the program; no other command pays for it.
  const { serve } = await import('../serve.ts');
  const controller = await serve({
    home: homeOf(surroundings),
    listen: parseListen(settings.listen),
    urls: settings.urls.map((url) => parseUrl(url, '--url')),
    logLevel: settings.logLevel,
    keeping: {
      jobsMs: settings.keepJobsMs,
      outputMs: settings.keepOutputMs,
      outputBytes: settings.maxOutputStoreBytes,
      reserveBytes: settings.reserveBytes,
    },
  });
  surroundings.stderr.write(`muster: the controller is ready at ${controller.url}; Ctrl-C stops it\n`);
  await new Promise<void>((resolve) => {
    const off = surroundings.onStop(() => {
      off();
      resolve();
    });
  });
  await controller.stop();
  return EXIT.ok;
}

/** `HOST:PORT`, `HOST`, `:PORT` or `PORT`; an address of IPv6 stands in brackets. Port 0: any that is free. */
export function parseListen(text: string): { host: string; port: number } {
  const [, bracketed, plain, digits] =
    /^(?:\[([0-9a-f:.]+)\]|([^[\]:\s]*))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined)
    throw wrongUse(`--listen "${text}" is not HOST:PORT`, 'write it like 0.0.0.0:7443 or [::]:7443');
  if (digits === undefined && /^\d+$/.test(host)) return parseListen(`:${host}`);
  const port = digits === undefined ? DEFAULT_PORT : Number(digits);
  if (port > 65_535) throw wrongUse(`--listen "${text}": a port is at most 65535`);
  return { host: host || '127.0.0.1', port };
}
