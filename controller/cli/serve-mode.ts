import { wrongUse } from './failure.ts';
import type { ServeFlags } from './serve-settings.ts';
import type { ServiceOptions } from './service-command.ts';
import type { Surroundings } from './surroundings.ts';

interface ServeOptions extends ServiceOptions {
  installService?: boolean;
  uninstallService?: boolean;
}

/** `muster serve` here and now, or as a service of this machine. `entry`: the file that this process was started with. */
export async function serve(
  surroundings: Surroundings,
  flags: ServeFlags,
  options: ServeOptions,
  entry: string,
): Promise<number> {
  const { installService, uninstallService, ...service } = options;
  if (installService && uninstallService)
    throw wrongUse('--install-service and --uninstall-service exclude each other');
  if (uninstallService) {
    if (options.home !== undefined || Object.values(flags).some((flag) => flag !== undefined))
      throw wrongUse('--uninstall-service takes no settings');
    return (await import('./service-command.ts')).uninstallService(surroundings, service);
  }
  if (installService)
    return (await import('./service-command.ts')).installService(surroundings, flags, service, entry);
  for (const name of ['home', 'check', 'json'] as const)
    if (options[name] !== undefined) throw wrongUse(`--${name} goes with --install-service`);
  return (await import('./serve-command.ts')).serveCommand(surroundings, flags);
}
