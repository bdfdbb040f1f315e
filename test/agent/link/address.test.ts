import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { agentAddress } from '../../../agent/link/address.ts';

describe("a controller's address", () => {
  for (const [url, address] of [
    ['https://controller:7443', 'wss://controller:7443/agent'],
    ['https://controller:7443/', 'wss://controller:7443/agent'],
    ['https://[::1]:7443', 'wss://[::1]:7443/agent'],
    ['wss://proxy/muster/agent', 'wss://proxy/muster/agent'],
    ['http://127.0.0.1:1', 'ws://127.0.0.1:1/agent'],
  ] as const)
    it(`is dialled at the agents' door: ${url}`, () => assert.equal(agentAddress(url), address));

  for (const url of ['controller:7443', '', 'ftp://controller', 'https://', 'file:///etc/passwd'])
    it(`is refused when it is none: "${url}"`, () =>
      assert.throws(() => agentAddress(url), { code: 'bad-request' }));
});
