import type { HostKeyPolicy } from '../../installer/ssh/host-keys.ts';
import type { ServiceChoice } from '../../installer/work.ts';
import { defined } from '../job-body.ts';

/** Which hosts, how they are reached, and how it is shown. */
export interface ReachOptions {
  inventory?: string[];
  limit?: string;
  user?: string;
  port?: number;
  identity?: string[];
  askPassword?: boolean;
  passwordFile?: string;
  sudo?: boolean;
  askSudoPassword?: boolean;
  sudoPasswordFile?: string;
  concurrency?: number;
  hostKeyPolicy?: HostKeyPolicy;
  connectTimeout?: number;
  check?: boolean;
  json?: boolean;
  yes?: boolean;
}

/** What the command line says of an install. */
export interface InstallOptions extends ReachOptions {
  label?: Record<string, string>;
  service?: ServiceChoice;
  proxy?: string;
  proxyAuthFile?: string;
  replace?: boolean;
  runtime?: string[];
  resume?: string;
  report?: string;
}

/** What a report keeps of them, so that --resume goes on in the same way. Nothing of it is secret. */
export interface Kept {
  readonly user?: string;
  readonly port?: number;
  readonly identity?: string[];
  readonly sudo?: boolean;
  readonly label?: Record<string, string>;
  readonly concurrency?: number;
  readonly hostKeyPolicy?: HostKeyPolicy;
  readonly service?: ServiceChoice;
  readonly proxy?: string;
  readonly proxyAuthFile?: string;
  readonly replace?: boolean;
  readonly runtime?: string[];
  readonly connectTimeout?: number;
}

export function keptOf(options: InstallOptions): Kept {
  const { user, port, identity, sudo, label, concurrency, runtime, hostKeyPolicy } = options;
  const { service, proxy, proxyAuthFile, replace, connectTimeout } = options;
  return defined({
    ...{ user, port, identity, sudo, label, concurrency, runtime, hostKeyPolicy },
    ...{ service, proxy, proxyAuthFile, replace, connectTimeout },
  });
}
