import { spawn } from 'node:child_process';
import type { Clock } from '../../proto/clock.ts';
import type { Log } from '../log.ts';

export interface RemovalPorts {
  readonly clock: Clock;
  readonly log: Log;
  /** The shell script that does it. */
  readonly uninstaller: string;
  readonly keepPolicy: boolean;
  /** systemd runs this machine. */
  readonly hasSystemd: boolean;
  /** It is done, and this process is still there. */
  onDone(): void;
}

const AGAIN_MS = 60_000;

/**
 * Removes this agent, whose process ends over it: the script must outlive that, and whatever its service manager ends with it. So
 * systemd runs it as a service of its own; elsewhere it has its own session. One that fails is begun again, and does again
 * only what is left to do. Returns how to let go of it; the script goes on.
 */
export function startRemoval(ports: RemovalPorts): () => void {
  const { clock, log } = ports;
  const script = ['/bin/sh', ports.uninstaller, ...(ports.keepPolicy ? ['--keep-policy'] : [])];
  let cancel = (): void => {};
  let isOver = false;

  function attempt(bySystemd: boolean): void {
    const [program = '', ...args] = bySystemd ? [...AS_SERVICE, ...script] : script;
    const child = spawn(program, args, {
      cwd: '/',
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
    });
    let told = false;
    const ended = (how: string, succeeded: boolean): void => {
      if (told || isOver) return;
      told = true;
      if (succeeded) return ports.onDone();
      log.error({ how, program }, 'this agent could not be removed; trying again');
      // Whatever keeps systemd from running it need not keep it from being run.
      cancel = clock.after(AGAIN_MS, () => attempt(ports.hasSystemd && !bySystemd));
    };
    child.on('error', (error) => {
      if (!bySystemd) return ended(error.message, false);
      told = true;
      attempt(false);
    });
    child.on('exit', (code, signal) => ended(`ended with ${signal ?? code}`, code === 0));
    // Until this is let go of, the child keeps the process from ending.
    release = () => child.unref();
  }

  let release = (): void => {};
  attempt(ports.hasSystemd);
  return () => {
    isOver = true;
    cancel();
    release();
  };
}

/** Outside of the agent's own service, and of all that its unit confines it to. */
const AS_SERVICE = ['systemd-run', '--quiet', '--collect', '--wait', '--unit=muster-agent-uninstall', '--'];
