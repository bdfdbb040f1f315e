import type { TestFleet } from '../e2e/fleet.ts';
import { bootHost, type Host } from './host.ts';

const CHECKOUT = new URL('../..', import.meta.url).pathname;
const AT = '/opt/muster';
const AGENT = `${AT}/bin/muster-agent`;

/** A restart ends the agent and nothing that it runs, whose control groups are its own to make. */
const UNIT = `[Unit]
Description=Muster agent
After=network.target

[Service]
ExecStart=${AGENT} run
Restart=always
RestartSec=1
KillMode=process
Delegate=yes

[Install]
WantedBy=multi-user.target
`;

/** Boots a host whose agent is a service of its systemd, joined to this fleet and online. */
export async function bootAgent(
  t: { after(fn: () => unknown): void },
  fleet: TestFleet,
  name: string,
): Promise<Host> {
  const [host, token] = await Promise.all([bootHost(t, name, { [AT]: CHECKOUT }), fleet.token()]);
  await host.write('/root/join.token', token, 0o600);
  await host.run([AGENT, 'join', '--token-file', '/root/join.token', '--name', name]);
  await host.write('/etc/systemd/system/muster-agent.service', UNIT);
  await host.run(['systemctl', 'enable', '--quiet', '--now', 'muster-agent']);
  await fleet.online(name, true, 30_000);
  return host;
}
