import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { filesBelow } from '../../../../controller/cli/files.ts';
import { findInventory } from '../../../../controller/installer/inventory/find.ts';
import { readHosts } from '../../../../controller/installer/inventory/read-hosts.ts';

/** An inventory as a site of three hundred hosts has it, with what stands beside it. */
const FOLDER = join(import.meta.dirname, 'site');

async function read(change: (text: string) => string = (text) => text) {
  const found = await findInventory(`${FOLDER}/production`, {
    isFolder: async () => false,
    filesBelow,
    readText: async (file) => readFileSync(file, 'utf8'),
  });
  assert.equal(found.kind, 'file');
  const short = <T extends { path: string }>(file: T): T => ({
    ...file,
    path: file.path.slice(FOLDER.length + 1),
  });
  return readHosts([{ ...short(found), text: change(found.text), beside: found.beside?.map(short) ?? [] }]);
}

test('an inventory of three hundred hosts is read as it is', async () => {
  const { entries, problems, notes } = await read();
  assert.deepEqual(problems, []);
  assert.equal(entries.length, 292);
  const of = (name: string) => entries.find(({ written }) => written === name);
  assert.deepEqual(of('pg-f.db.corp.example'), {
    ...{ written: 'pg-f.db.corp.example', name: 'pg-f.db.corp.example', host: 'pg-f.db.corp.example' },
    ...{ port: 2022, user: 'postgres-admin', sudo: true, identityFiles: [], from: 'production:36' },
    proxyJump: ['jump@gw2.corp.example:2222'],
    labels: { 'group.bastioned': 'yes', 'group.db': 'yes', 'group.postgres': 'yes' },
  });
  assert.equal(of('kafka-10')?.host, 'kafka-10.mq.corp.example');
  assert.deepEqual(of('redis9.db.corp.example')?.identityFiles, ['~/.ssh/redis_ed25519']);
  assert.equal(of('web080.fra.corp.example')?.user, 'ops');
  assert.equal(of('OLD-ERP.corp.example')?.name, 'old-erp.corp.example');
  assert.doesNotMatch(JSON.stringify({ entries, notes }), /N0tForYou|Sommer2019|3336/);
  assert.deepEqual(notes, [
    'group_vars/bastioned/vault.yml: not looked into, since ansible-vault sealed it',
    'group_vars/all.yml:10: ansible_become_password is not taken: passwords are asked for (--ask-password, --ask-sudo-password)',
    'production:4: ssh is not told to check host keys less; they are checked as --host-key-policy says',
    'production:62 ("dc1.corp.example"), production:62 ("dc2.corp.example"): left out, not reached by SSH: ansible_connection is "winrm"',
    'production:69: ansible_ssh_pass is not taken: passwords are asked for (--ask-password, --ask-sudo-password)',
    'production:77 ("localhost"): left out, not reached by SSH: ansible_connection is "local"',
  ]);
});

test('what one gets wrong in it is told in one go', async () => {
  const { problems } = await read((text) =>
    text
      .replace('[bastions]', '[bastions')
      .replace('web[001:080].fra', 'web[001:80].fra')
      .replace('ansible_host=10.20.7.81 ', 'ansible_host=10.20.7.281 ')
      .replace('motd="Welcome; # not a comment"', 'motd "Welcome"')
      .replace('\ndb\nkafka\n', '\ndb\nkafak\n')
      .replace('pg_role=primary', 'pg_role=primary ansible_become_method=su')
      .replace('[2001:db8:42::17]:2200', '[2001:db8:42::17]:22000000\nnew erp.corp.example'),
  );
  assert.deepEqual(
    problems.map(({ from, message }) => `${from}: ${message}`),
    [
      'production:13: expected a section such as [web], [web:vars] or [web:children], found "[bastions"',
      'production:19: "[001:80]" in "web[001:80].fra.corp.example": with a leading zero, both ends have the same number of digits',
      'production:23: ansible_host: "10.20.7.281" is no IPv4 address',
      'production:32: expected key=value',
      'production:37: ansible_become_method: expected sudo, found "su": no other way is known here',
      'production:70: expected a port from 1 to 65535, found "22000000"',
      'production:71: expected key=value after the host; a value with spaces needs quotes',
      'production:75: the group "kafak" has no section of its own',
    ],
  );
});
