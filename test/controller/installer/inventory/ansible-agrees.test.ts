import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, suite, test } from 'node:test';
import { filesBelow } from '../../../../controller/cli/files.ts';
import { findInventory } from '../../../../controller/installer/inventory/find.ts';
import { readHosts } from '../../../../controller/installer/inventory/read-hosts.ts';
import { fraction } from '../../../../proto/random.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { requires } from '../../../support/requires.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

/** Inventories made from a seed, read by Ansible itself and here: groups in groups, ranges, and variables at every level. */

type Texts = Record<string, string>;

interface Made {
  /** Hosts of a group: pattern and variables. */
  readonly groups: Record<string, { hosts: [string, Texts][]; vars: Texts; children: string[] }>;
  /** Path below the folder -> variables. */
  readonly beside: Record<string, Texts>;
}

function make(seed: string): Made {
  const random = seededRandom(seed);
  const below = (n: number): number => Math.floor(fraction(random) * n);
  const vars = (): Texts => ({
    ...(below(4) > 0 ? { ansible_user: `user${below(50)}` } : {}),
    ...(below(4) > 0 ? { ansible_port: String(1000 + below(50)) } : {}),
    ...(below(2) === 0 ? { ansible_become: ['yes', 'no', 'True', 'false'][below(4)] ?? '' } : {}),
    ...(below(2) === 0 ? { ansible_ssh_private_key_file: `/keys/${below(50)}` } : {}),
    ...(below(2) === 0 ? { other: `value ${below(50)}` } : {}),
  });
  const names = ['zeta', 'alpha', 'mid_1', 'web', 'db', 'prod', 'eu', 'us', 'x9'];
  const patterns = [
    'web[01:12:3]',
    'web07',
    'db-[a:d].example.com',
    'r[1:2]-[a:b]',
    'lone',
    'n[8:11]:2222',
    'db-c.example.com',
  ];
  const groups: Made['groups'] = { all: { hosts: [], vars: vars(), children: [] } };
  for (const [index, name] of names.entries())
    groups[name] = {
      hosts: patterns.filter(() => below(3) === 0).map((pattern) => [pattern, below(4) === 0 ? vars() : {}]),
      vars: vars(),
      // Only later ones, so that there are no loops.
      children: names.slice(index + 1).filter(() => below(3) === 0),
    };
  const beside: Made['beside'] = {};
  for (const name of ['all', ...names])
    if (below(4) === 0) beside[`group_vars/${name}${['', '.yml', '/main.yaml'][below(3)]}`] = vars();
  for (const name of ['web07', 'r1-a', 'lone']) if (below(2) === 0) beside[`host_vars/${name}.yml`] = vars();
  return { groups, beside };
}

function ini({ groups }: Made): string {
  return Object.entries(groups)
    .flatMap(([name, { hosts, vars, children }]) => [
      `[${name}]`,
      ...hosts.map(([pattern, own]) =>
        [pattern, ...Object.entries(own).map(([key, value]) => `${key}="${value}"`)].join(' '),
      ),
      `[${name}:vars]`,
      ...Object.entries(vars).map(([key, value]) => `${key} = ${value}`),
      ...(name === 'all' ? [] : [`[${name}:children]`, ...children]),
    ])
    .join('\n');
}

const yaml = ({ groups }: Made): string =>
  JSON.stringify(
    Object.fromEntries(
      Object.entries(groups).map(([name, { hosts, vars, children }]) => [
        name,
        {
          hosts: Object.fromEntries(hosts),
          vars,
          children: Object.fromEntries(children.map((child) => [child, null])),
        },
      ]),
    ),
  );

function put(folder: string, files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

suite('Ansible reads the same from an inventory', { ...requires('ansible-inventory') }, () => {
  const folder = temporaryFolder({ after });
  for (const [seed, name, write] of [
    ['one', 'hosts.ini', ini],
    ['two', 'hosts.yml', yaml],
    ['three', 'hosts.ini', ini],
  ] as const)
    test(`${name} of seed ${seed}`, async () => {
      const made = make(seed);
      const home = join(folder, seed);
      const beside = Object.fromEntries(
        Object.entries(made.beside).map(([path, vars]) => [path, JSON.stringify(vars)]),
      );
      put(home, { [name]: write(made), ...beside });
      const path = join(home, name);
      const { entries, problems } = readHosts([
        await findInventory(path, {
          isFolder: async () => false,
          filesBelow,
          readText: async (one) => readFileSync(one, 'utf8'),
        }),
      ]);
      assert.deepEqual(problems, []);

      const listed = JSON.parse(
        execFileSync('ansible-inventory', ['-i', path, '--list'], {
          encoding: 'utf8',
          stdio: 'pipe',
          env: { ...process.env, ANSIBLE_LOCALHOST_WARNING: 'False', ANSIBLE_HOME: home },
        }),
      );
      const vars: Record<string, Record<string, unknown>> = listed._meta.hostvars;
      const groupsOf = (host: string): string[] => {
        const holds = (group: string): boolean =>
          (listed[group]?.hosts ?? []).includes(host) || (listed[group]?.children ?? []).some(holds);
        return Object.keys(listed).filter((group) => group in made.groups && group !== 'all' && holds(group));
      };
      const theirs = Object.entries(vars).map(([host, of]) => ({
        host,
        user: of.ansible_user,
        port: of.ansible_port === undefined ? undefined : Number(of.ansible_port),
        become:
          of.ansible_become === undefined ? undefined : /^(?:yes|true)$/i.test(String(of.ansible_become)),
        key: of.ansible_ssh_private_key_file,
        groups: groupsOf(host).sort(),
      }));
      const ours = entries.map(({ written, user, port, sudo, identityFiles, labels }) => ({
        ...{ host: written, user, port, become: sudo, key: identityFiles[0] },
        groups: Object.keys(labels)
          .map((label) => label.replace('group.', ''))
          .sort(),
      }));
      const byHost = (a: { host: string }, b: { host: string }): number => (a.host < b.host ? -1 : 1);
      assert.ok(theirs.length > 5);
      assert.deepEqual(ours.sort(byHost), theirs.sort(byHost));
    });
});
