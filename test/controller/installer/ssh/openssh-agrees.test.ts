import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import type { Destination } from '../../../../controller/installer/host.ts';
import { readClientConfig } from '../../../../controller/installer/ssh/client-config.ts';
import { destinationOf } from '../../../../controller/installer/ssh/destination.ts';
import { fraction } from '../../../../proto/random.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { requires } from '../../../support/requires.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

const SEEDS = 25;

/** Undefined: the jumps go in a circle. */
function reached(reach: () => Destination): Destination | undefined {
  try {
    return reach();
  } catch (error) {
    assert.match(String(error), /circle/);
    return undefined;
  }
}

/** An ssh_config made from a seed, with its includes: what it may hold in every order, in every way to write it. */
function make(seed: string, folder: string): string {
  const random = seededRandom(seed);
  const below = (n: number): number => Math.floor(fraction(random) * n);
  const one = <T>(...items: T[]): T => items[below(items.length)] as T;
  const pattern = (): string =>
    one('web-1', 'web-*', 'db?', '*', '!web-2', '!db1', '*.example.com', 'WEB-1', 'w*-?');
  const list = (between: string): string => Array.from({ length: 1 + below(3) }, pattern).join(between);
  const setting = (): string => {
    const key = one(
      'HostName',
      'hostname',
      'User',
      'USER',
      'Port',
      'IdentityFile',
      'IdentitiesOnly',
      'UserKnownHostsFile',
      'HostKeyAlias',
      'ProxyJump',
      'ProxyCommand',
      'StrictHostKeyChecking',
      'ConnectTimeout',
      'HashKnownHosts',
      'IdentityAgent',
    );
    const value = {
      hostname: one('%h.example.com', '10.0.0.7', 'db1', 'web-9'),
      user: one('anna', '"bob"', 'carl # comment', "'dora'"),
      port: String(1000 + below(9)),
      identityfile: one('/keys/a', '"/keys/with space"', '/keys/b#c', '/keys/d\\ e', '/keys/a'),
      identitiesonly: one('yes', 'no'),
      hashknownhosts: one('yes', 'no'),
      userknownhostsfile: one('/k/1', '/k/1 "/k/2 x"', '/k/3 /k/4 # not this'),
      hostkeyalias: one('alias', '"other"'),
      proxycommand: one('none', 'ssh -W %h:%p j4'),
      proxyjump: one('j1', 'none', 'root@j2:2222,j3'),
      stricthostkeychecking: one('yes', 'no', 'ask', 'accept-new'),
      connecttimeout: String(1 + below(9)),
      identityagent: one('none', '/run/a.sock', 'SSH_AUTH_SOCK'),
    }[key.toLowerCase()];
    return `${one('', '  ', '\t')}${key}${one(' ', '\t', '=', ' = ', '  ')}${value}${one('', '  ', '\r')}`;
  };
  const criterion = (): string =>
    `${one('', '', '!')}${one('host', 'originalhost', 'user', 'localuser')} ${one('anna,bob', 'root', `${userInfo().username}`, list(','), `"${list(',')}"`)}`;
  const block = (): string =>
    one(
      () => `Host ${list(' ')}`,
      () => `host=${pattern()}`,
      () => `Match ${criterion()}`,
      () => `Match ${criterion()} ${criterion()}`,
      () => 'Match all',
      () => one('Match final all', 'Host "web-1" db1', 'Match final user anna'),
    )();
  const lines = (depth: number): string[] =>
    Array.from({ length: 10 }, () => {
      if (below(3) === 0) return block();
      if (depth < 2 && below(8) === 0) {
        const path = join(folder, `${seed}-${depth}-${below(1e6)}.conf`);
        writeFileSync(path, `${lines(depth + 1).join('\n')}\n`);
        return `Include ${path}`;
      }
      return one(
        setting,
        setting,
        setting,
        () => '# comment',
        () => '',
      )();
    });
  return `${lines(0).join('\n')}\n`;
}

suite('OpenSSH reads the same from ssh_config', { ...requires('ssh') }, () => {
  const folder = temporaryFolder({ after });
  const { username, homedir } = userInfo();
  const operator = { user: username, home: homedir, variable: () => undefined };
  let compared = 0;
  after(() => assert.ok(compared > SEEDS));
  for (let seed = 0; seed < SEEDS; seed++)
    test(`seed ${seed}`, async () => {
      const path = join(folder, `config-${seed}`);
      const text = make(String(seed), folder);
      writeFileSync(path, text);
      const config = await readClientConfig(
        { user: { path, text }, system: undefined },
        homedir,
        async (included) => [{ path: included, text: readFileSync(included, 'utf8') }],
      );
      for (const host of ['web-1', 'db1', 'x.example.com']) {
        const printed = execFileSync('ssh', ['-G', '-F', path, host], { encoding: 'utf8', stdio: 'pipe' });
        const said = (key: string): string[] =>
          printed
            .split('\n')
            .filter((line) => line.startsWith(`${key} `))
            .map((line) => line.slice(key.length + 1));
        const entry = {
          ...{ written: host, name: host, host, port: undefined, user: undefined, identityFiles: [] },
          ...{ proxyJump: undefined, labels: {}, sudo: undefined, from: 'argument 1' },
        };
        const found = reached(() => destinationOf(entry, config, operator));
        // A jump that is to be reached through itself: ssh says so only when it gets there.
        if (found === undefined) continue;
        compared += 1;
        const keys = said('identityfile').filter((key) => !key.startsWith('~'));
        const [jump = 'none'] = said('proxyjump');
        const ours = {
          host: found.host,
          port: String(found.port),
          user: found.user,
          keys: found.identityFiles.filter((key) => !key.startsWith(homedir)),
          only: found.identitiesOnly,
          known: found.userKnownHostsFiles.join(' '),
          alias: found.hostKeyAlias,
          strict: found.strictHostKeys,
          hash: found.hashKnownHosts,
          timeout: found.connectTimeoutMs,
          agent: found.identityAgent,
          jumps: found.jumps.length > 0,
        };
        const [agent] = said('identityagent');
        const timeout = said('connecttimeout')[0];
        assert.deepEqual(
          ours,
          {
            host: said('hostname')[0],
            port: said('port')[0],
            user: said('user')[0],
            keys,
            only: said('identitiesonly')[0] === 'yes',
            known: said('userknownhostsfile')[0]?.replaceAll('~', homedir),
            alias: said('hostkeyalias')[0],
            strict: said('stricthostkeychecking')[0] === 'true',
            hash: said('hashknownhosts')[0] === 'yes',
            timeout: timeout === 'none' ? undefined : Number(timeout) * 1000,
            agent: agent === 'SSH_AUTH_SOCK' ? undefined : agent,
            jumps: jump !== 'none' || said('proxycommand').length > 0,
          },
          `${host}\n${text}`,
        );
      }
    });
});
