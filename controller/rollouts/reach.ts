import { BlockList } from 'node:net';

/** Where clouds keep a machine's own secrets: whoever may start a rollout may not ask for them in the controller's place. */
const NEVER = new BlockList();
NEVER.addSubnet('169.254.0.0', 16, 'ipv4'); // link-local, and the metadata of most clouds
NEVER.addSubnet('fe80::', 10, 'ipv6');
NEVER.addSubnet('64:ff9b::a9fe:0', 112, 'ipv6'); // link-local, behind NAT64
NEVER.addAddress('fd00:ec2::254', 'ipv6'); // Amazon
NEVER.addAddress('100.100.100.200', 'ipv4'); // Alibaba
NEVER.addAddress('168.63.129.16', 'ipv4'); // Azure
NEVER.addAddress('192.0.0.192', 'ipv4'); // Oracle
NEVER.addSubnet('224.0.0.0', 4, 'ipv4'); // multicast
NEVER.addSubnet('ff00::', 8, 'ipv6');
NEVER.addAddress('255.255.255.255', 'ipv4');

/** The controller's own machine, also by the address that stands for any. */
const OWN = new BlockList();
OWN.addSubnet('127.0.0.0', 8, 'ipv4');
OWN.addSubnet('0.0.0.0', 8, 'ipv4');
OWN.addAddress('::1', 'ipv6');
OWN.addAddress('::', 'ipv6');

/**
 * Why the controller does not probe this address, or undefined. Its own machine is probed only where the host itself came from there, as on
 * a machine that runs both: names are what hosts call themselves, and one may be called localhost.
 */
export function unreachable(address: string, hostAddress: string | null): string | undefined {
  if (isIn(NEVER, address)) return `${address} is never probed from the controller`;
  if (isIn(OWN, address) && !(hostAddress !== null && isIn(OWN, hostAddress)))
    return `${address} is the controller's own machine, and the host is another one`;
  return undefined;
}

function isIn(list: BlockList, address: string): boolean {
  const [bare = ''] = address.split('%');
  // A v4 address in a v6 one is held against both.
  return list.check(bare, bare.includes(':') ? 'ipv6' : 'ipv4');
}
