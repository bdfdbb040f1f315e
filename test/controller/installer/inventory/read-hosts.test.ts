import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HostEntry } from '../../../../controller/installer/host.ts';
import { findInventory } from '../../../../controller/installer/inventory/find.ts';
import { readHosts } from '../../../../controller/installer/inventory/read-hosts.ts';
import type { Source, VariableFile } from '../../../../controller/installer/inventory/source.ts';

const file = (path: string, text: string): Source => ({ kind: 'file', path, text });
const args = (...texts: string[]): Source[] =>
  texts.map((text, index) => ({ kind: 'argument', text, position: index + 1 }));

/** `name = user@host:port key+jump+sudo labels` of each entry, what is not said left out. */
function line(entry: HostEntry): string {
  const { written, name, user, host, port, identityFiles, proxyJump, sudo, labels } = entry;
  return [
    `${written}${name === written ? '' : `(${name ?? '-'})`} =`,
    `${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}`,
    ...identityFiles.map((path) => `key=${path}`),
    ...(proxyJump === undefined ? [] : [`jump=${proxyJump.join('+') || 'none'}`]),
    ...(sudo === undefined ? [] : [sudo ? 'sudo' : 'no-sudo']),
    ...Object.entries(labels).map(([key, value]) => `${key}=${value}`),
  ].join(' ');
}

function lines(...sources: Source[]): string[] {
  const { entries, problems } = readHosts(sources);
  assert.deepEqual(problems, []);
  return entries.map(line);
}

const problems = (...sources: Source[]): string[] =>
  readHosts(sources).problems.map(({ from, message }) => `${from}: ${message}`);

test('a port behind an address of Ansible is told where it belongs', () => {
  for (const host of ['10.0.0.7:2222', 'web.example:22', '[::1]:22']) {
    const { entries, problems } = readHosts([file('i.ini', `w ansible_host=${host}`)]);
    assert.equal(entries.length, 0);
    assert.match(
      problems[0]?.message ?? '',
      /is a host with a port, which has a place of its own \(ansible_port/,
    );
  }
});

test('arguments are hosts, in their order', () => {
  assert.deepEqual(
    lines(...args('web-1', 'root@10.0.0.7:2222', '[::1]:22', 'ssh://db-1:2200', 'root@w[01:02]:23')),
    [
      'web-1 = web-1',
      'root@10.0.0.7:2222(-) = root@10.0.0.7:2222',
      '[::1]:22(-) = ::1:22',
      'ssh://db-1:2200(db-1) = db-1:2200',
      'root@w01:23(w01) = root@w01:23',
      'root@w02:23(w02) = root@w02:23',
    ],
  );
});

test('a plain list has a host on each line, with labels and comments', () => {
  const text = '# hosts\r\n\r\nweb-1 role=web env=prod # first\r\n  root@db[1:2]:2222 role=db\n[::1]:22\n';
  assert.deepEqual(lines(file('hosts.txt', text)), [
    'web-1 = web-1 role=web env=prod',
    'root@db1:2222(db1) = root@db1:2222 role=db',
    'root@db2:2222(db2) = root@db2:2222 role=db',
    '[::1]:22(-) = ::1:22',
  ]);
});

test("Muster's own list has what hosts have in common, and what each has of its own", () => {
  const text = `
defaults: { user: admin, sudo: true, jump: 'bastion,b2', labels: { env: prod, team: a } }
hosts:
  - web-1
  - root@10.0.0.7:2222
  - host: 10.0.0.8
    name: db-1
    port: 2200
    identity: [~/.ssh/a, b]
    jump: []
    sudo: false
    labels: { team: b }
`;
  assert.deepEqual(lines(file('hosts.yaml', text)), [
    'web-1 = admin@web-1 jump=bastion+b2 sudo env=prod team=a',
    'root@10.0.0.7:2222(-) = root@10.0.0.7:2222 jump=bastion+b2 sudo env=prod team=a',
    'db-1 = admin@10.0.0.8:2200 key=~/.ssh/a key=b jump=none no-sudo env=prod team=b',
  ]);
});

const INI = `
lone ansible_host=10.0.0.1   # no group

[web]
web[01:02].example.com:2222
web09 ansible_ssh_host=10.0.0.9 ansible_ssh_port=23 ansible_ssh_user='deploy' http_port=80

[db]
db-[a:b]
web09
; a comment

[prod:children]
web
db

[prod:vars]
ansible_user=prod
ansible_become = True
ansible_ssh_private_key_file="~/.ssh/prod key"

[db:vars]
ansible_user = dba
ansible_become=no

[all:vars]
ansible_user=all
ansible_port=2200
some_password=hunter2
`;

test('an Ansible INI inventory is read as Ansible reads it: hosts over child groups over parents over all', () => {
  assert.deepEqual(lines(file('inventory', INI)), [
    'lone = all@10.0.0.1:2200',
    'web01.example.com = prod@web01.example.com:2222 key=~/.ssh/prod key sudo group.prod=yes group.web=yes',
    'web02.example.com = prod@web02.example.com:2222 key=~/.ssh/prod key sudo group.prod=yes group.web=yes',
    'web09 = deploy@10.0.0.9:23 key=~/.ssh/prod key no-sudo group.prod=yes group.db=yes group.web=yes',
    'db-a = dba@db-a:2200 key=~/.ssh/prod key no-sudo group.prod=yes group.db=yes',
    'db-b = dba@db-b:2200 key=~/.ssh/prod key no-sudo group.prod=yes group.db=yes',
  ]);
});

test('an Ansible YAML inventory says the same', () => {
  const text = `
all:
  hosts:
    lone: { ansible_host: 10.0.0.1 }
  vars: { ansible_user: all, ansible_port: 2200, some_password: hunter2 }
  children:
    prod:
      vars: { ansible_user: prod, ansible_become: True, ansible_ssh_private_key_file: ~/.ssh/prod key }
      children:
        web:
          hosts:
            web[01:02].example.com:2222:
            web09: { ansible_ssh_host: 10.0.0.9, ansible_ssh_port: 23, ansible_ssh_user: deploy, http_port: 80 }
        db:
          hosts: { "db-[a:b]": , web09: }
          vars: { ansible_user: dba, ansible_become: no }
`;
  assert.deepEqual(lines(file('inventory.yml', text)), lines(file('inventory', INI)));
});

test('what ansible-inventory prints of a dynamic inventory is one as well', () => {
  const text = JSON.stringify({
    _meta: { hostvars: { 'web-1': { ansible_host: '10.0.0.1', ansible_user: 'a', tags: [1] } } },
    all: { children: ['ungrouped', 'web'] },
    web: { hosts: ['web-1', 'web-2'] },
  });
  assert.deepEqual(lines(file('list.json', text)), [
    'web-1 = a@10.0.0.1 group.web=yes',
    'web-2 = web-2 group.web=yes',
  ]);
});

test('YAML of other programs may have anchors, merge keys and tags', () => {
  const text = `
web:
  vars: &common
    ansible_user: admin
    token: !vault |
      $ANSIBLE_VAULT;1.1;AES256
      6162
  hosts: { web-1: { ansible_port: } }
db:
  vars: { <<: *common, ansible_port: 2200 }
  hosts: { db-1: !unsafe { } }
`;
  assert.deepEqual(lines(file('x.yaml', text)), [
    'web-1 = admin@web-1 group.web=yes',
    'db-1 = admin@db-1:2200 group.db=yes',
  ]);
});

describe('jumps that Ansible gives to its ssh are taken', () => {
  const ARGUMENTS: [string, string][] = [
    ['-J bastion', 'bastion'],
    ['-Jroot@a:22,b', 'root@a:22+b'],
    ['-o ProxyJump=bastion', 'bastion'],
    ['-oProxyJump=none', 'none'],
    ['-o ControlMaster=auto -o "ProxyJump bastion" -C', 'bastion'],
    ['-o ProxyCommand="ssh -W %h:%p -q root@bastion"', 'root@bastion'],
    ['-o ProxyCommand="ssh -p 2222 -l root bastion -W %h:%p"', 'root@bastion:2222'],
  ];
  for (const [text, jump] of ARGUMENTS)
    test(text, () => {
      const quoted = text.includes('"') ? `'${text}'` : `"${text}"`;
      assert.deepEqual(lines(file('i.ini', `web-1 ansible_ssh_common_args=${quoted}`)), [
        `web-1 = web-1 jump=${jump}`,
      ]);
    });
});

test('groups that say nothing or are no label keys make no label', () => {
  const { entries, notes } = readHosts([file('i.ini', '[all]\na\n[ungrouped]\na\n[web_]\na\n[_x]\na')]);
  assert.deepEqual(entries.map(line), ['a = a group._x=yes']);
  assert.match(notes.join(), /^i\.ini:2: the group "web_" makes no label: a label key/);
});

test('secrets of an inventory are neither taken nor shown', () => {
  const text = `
web-1 ansible_password=hunter2 ansible_become_pass='hunter2 x'
web-2 ansible_ssh_pass=hunter2
web-3 ansible_user='hunter2
web-4 hunter2 ansible_user=a
web-5 ansible_port=hunter{{2}}
[all:vars]
hunter2
ansible_sudo_pass=hunter2
`;
  const { problems, notes, entries } = readHosts([file('i.ini', text)]);
  assert.doesNotMatch(JSON.stringify({ problems, notes, entries }), /hunter2/);
  assert.deepEqual(
    problems.map(({ from }) => from),
    ['i.ini:4', 'i.ini:5', 'i.ini:6', 'i.ini:8'],
  );
  assert.match(
    notes.join('\n'),
    /^i\.ini:2: ansible_password is not taken: passwords are asked for \(--ask-password/m,
  );
});

test('hosts that SSH does not reach are left out, and named', () => {
  const text =
    '[win]\nw[1:5] ansible_connection=winrm\n[all:vars]\nansible_connection=ssh\n[web]\nweb-1\nlocalhost ansible_connection=local';
  const { entries, notes } = readHosts([file('i.ini', text)]);
  assert.deepEqual(
    entries.map(({ written }) => written),
    ['web-1'],
  );
  assert.deepEqual(notes, [
    'i.ini:2 ("w1"), i.ini:2 ("w2"), i.ini:2 ("w3") and 2 more: left out, not reached by SSH: ansible_connection is "winrm"',
    'i.ini:7 ("localhost"): left out, not reached by SSH: ansible_connection is "local"',
  ]);
});

test('a host that is named twice is taken once, with the labels of both', () => {
  const { entries, notes, problems } = readHosts([
    ...args('web-1', 'WEB-1'),
    file('a.txt', 'web-1 role=web\n10.0.0.7\n10.0.0.7'),
    file('b.ini', '[prod]\nweb-1 ansible_user=root'),
  ]);
  assert.deepEqual(problems, []);
  assert.deepEqual(entries.map(line), [
    'web-1 = root@web-1 role=web group.prod=yes',
    '10.0.0.7(-) = 10.0.0.7',
  ]);
  assert.match(notes.join('\n'), /b\.ini:2.*"web-1" of argument 1/);
});

test('labels of the command are of all hosts, and count more', () => {
  const { entries } = readHosts([file('a.txt', 'web-1 env=dev role=web\nweb-2')], { env: 'prod' });
  assert.deepEqual(
    entries.map(({ labels }) => labels),
    [{ env: 'prod', role: 'web' }, { env: 'prod' }],
  );
});

test('ten thousand lines are read in a moment', () => {
  const ini = `[a:children]\nb\n[b]\n${Array.from({ length: 10_000 }, (_, n) => `web-${n} ansible_host=10.0.${n >> 8}.${n & 255} x=y`).join('\n')}`;
  assert.equal(readHosts([file('i.ini', ini)]).entries.length, 10_000);
  const yaml = `web:\n  hosts:\n${Array.from({ length: 10_000 }, (_, n) => `    web-${n}:\n`).join('')}`;
  assert.equal(readHosts([file('i.yml', yaml)]).entries.length, 10_000);
});

describe('everything that is wrong is told at once, with its file and line', () => {
  const TABLE: [string, string, string[]][] = [
    [
      'hosts.txt',
      'web-1\n../../etc\n$(id)\nweb-2 x\nweb-2 -=1\nweb-3 a=1 a=2\n"web\n-oProxyCommand=x',
      [
        'hosts.txt:2: "../../etc" cannot be a host',
        'hosts.txt:3: "$(id)" cannot be a host',
        'hosts.txt:4: behind the host come its labels (key=value); word 2 is none',
        'hosts.txt:5: the label "-": a label key has',
        'hosts.txt:6: the label "a" is there twice',
        'hosts.txt:7: the quote at column 1 does not end on this line',
        'hosts.txt:8: "-oProxyCommand=x" cannot be a host',
      ],
    ],
    [
      'i.ini',
      '[web\nweb-1\n[db:nix]\ndb-1\n[a b]\n[x:vars]\nno\n[y:children]\nz\ntwo words',
      [
        'i.ini:1: expected a section such as [web]',
        'i.ini:3: "[db:nix]": a section is [group], [group:vars] or [group:children]',
        'i.ini:5: expected a section such as [web]',
        'i.ini:6: the group "x" has no section of its own',
        'i.ini:7: expected key=value',
        'i.ini:9: the group "z" has no section of its own',
        'i.ini:10: expected the name of one group, found "two words"',
      ],
    ],
    [
      'i.ini',
      '[a]\nw ansible_port=x\nv ansible_user={{u}} ansible_host=1.2.3.4.5\nweb[0:99999999]\nu:0\nt ansible_become=maybe',
      [
        'i.ini:2: ansible_port: expected a port from 1 to 65535, found "x"',
        'i.ini:3: ansible_host: "1.2.3.4.5" is no IPv4 address',
        'i.ini:3: ansible_user: a template',
        'i.ini:4: "web[0:99999999]" stands for more than 20000 hosts',
        'i.ini:5: expected a port from 1 to 65535, found "0"',
        'i.ini:6: ansible_become: expected yes or no, found "maybe"',
      ],
    ],
    [
      'i.ini',
      '[a]\nw ansible_become=1 ansible_become_method=doas\nv ansible_become=yes ansible_become_user=bob\nu ansible_ssh_common_args="-o ProxyCommand=nc"\nt ansible_ssh_extra_args="-F /x"\ns ansible_ssh_args="-o Tunnel=yes"',
      [
        'i.ini:2: ansible_become_method: expected sudo, found "doas": no other way is known here',
        'i.ini:3: ansible_become_user: expected root, found "bob": an agent runs as root',
        'i.ini:4: ansible_ssh_common_args: a ProxyCommand is not started here, but for "ssh -W %h:%p HOST"; use ProxyJump',
        'i.ini:5: ansible_ssh_extra_args: "-F" is not known here',
        'i.ini:6: ansible_ssh_args: "tunnel" is not taken from here',
      ],
    ],
    [
      'i.ini',
      '[a:children]\nb\n[b:children]\nc\n[c:children]\na',
      ['i.ini: these groups hold each other: "a", "c", "b"'],
    ],
    [
      'i.ini',
      '[a]\n\u202eweb\n__proto__\nwеb\nweb\u0000x',
      ['i.ini:2: ', 'i.ini:3: ', 'i.ini:4: ', 'i.ini:5: "webU+0000x" cannot be a host'],
    ],
    [
      'i.ini',
      '[a]\n\u202eweb\n__proto__\nwеb',
      [
        'i.ini:2: "U+202Eweb" cannot be a host',
        'i.ini:3: "__proto__" cannot be a host: the name is reserved',
        'i.ini:4: "wU+0435b" cannot be a host',
      ],
    ],
    [
      'i.yml',
      'web:\n  hosts:\n    - web-1\n  hosst: {}\n  vars: 5\nweb: {}\nx: text',
      [
        'i.yml:2: expected names with a colon behind each ("web-1:"), not a list',
        'i.yml:4: "web": expected hosts, children or vars, found "hosst"',
        'i.yml:5: expected variables ("key: value")',
        'i.yml:6: the key "web" is there twice',
        'i.yml:7: "x": expected a map with hosts, children or vars',
      ],
    ],
    ['i.yml', 'web:\n\thosts: x', ['i.yml:2: expected spaces: a tab cannot indent']],
    [
      'i.yml',
      'web:\n  hosts:\n  a:\n bad',
      ['i.yml:3: not YAML: All mapping items', 'i.yml:4: not YAML: Implicit map keys'],
    ],
    [
      'i.yml',
      '- hosts: all',
      ['i.yml:1: expected groups, each with hosts, children or vars, not a list (a playbook?)'],
    ],
    [
      'i.yml',
      'plugin: amazon.aws.aws_ec2',
      ['i.yml:1: an inventory plugin is not run here; save what "ansible-inventory --list" prints'],
    ],
    ['i.yml', '[web]\nweb-1', ['i.yml: expected YAML, as its name says, found lines such as [web]']],
    [
      'hosts.yaml',
      'hosts:\n  - host: web-1\n    hots: 1\n    hots: 2',
      ['hosts.yaml:4: the key hots is there twice'],
    ],
    [
      'hosts.yaml',
      'hosts:\n  - {host: root@a, user: bob}\n  - {name: x}\n  - {host: b, name: ../x, port: 0, labels: {-a: b}}\nother: 1\ndefaults: {name: x}',
      [
        'hosts.yaml:2: user is in host already',
        'hosts.yaml:3: hosts[1].host: is missing, expected a host',
        'hosts.yaml:4: hosts[2].name: a name has',
        'hosts.yaml:4: hosts[2].port: expected a port from 1 to 65535',
        'hosts.yaml:4: hosts[2].labels["-a"]: a label key has',
        'hosts.yaml:5: other: is no key here',
        'hosts.yaml:6: defaults.name: is no key here',
      ],
    ],
    ['hosts.yaml', 'hosts:\n  web-1:\n', ['hosts.yaml:1: hosts: expected a list of hosts, not a map']],
    [
      'hosts.yaml',
      'hosts:\n  - {host: a, jump: "b c"}',
      ['hosts.yaml:2: hosts[0].jump: expected hosts to jump over, as for ProxyJump, not "b c"'],
    ],
    ['hosts.yaml', 'hosts:\n  - &a x\n  - *a', ['hosts.yaml:2: anchors', 'hosts.yaml:3: aliases']],
    [
      'inventory.sh',
      '#!/bin/sh\necho {}',
      ['inventory.sh: a script is not started here; save what "ansible-inventory --list" prints'],
    ],
    ['vault.yml', '$ANSIBLE_VAULT;1.1;AES256\n6162', ['vault.yml: it is sealed by ansible-vault']],
    ['empty', '# nothing\n', ['empty: it names no host that SSH reaches']],
    ['empty.yml', '', ['empty.yml: it names no host that SSH reaches']],
    [
      'a.txt',
      'web-1 role=a\nweb-1 role=b\nroot@web-2\nbob@web-2\nweb-3:22\nweb-3:23',
      [
        'a.txt:2: "web-1" is at a.txt:1 too, with another value of the label "role"',
        'a.txt:4: "bob@web-2" is at a.txt:3 too, with another user',
        'a.txt:6: "web-3:23" is at a.txt:5 too, with another port',
      ],
    ],
    [
      'i.ini',
      '[a]\nx ansible_host=10.0.0.1\ny ansible_host=10.0.0.1\nz ansible_host=10.0.0.1 ansible_ssh_extra_args="-J gw"',
      ['i.ini:3: "y" is reached as "x" of i.ini:2 is: one machine, two names?'],
    ],
  ];
  for (const [path, text, expected] of TABLE)
    test(`${path}: ${JSON.stringify(text)
      .slice(0, 60)
      .replace(/[^ -~]/g, '?')}`, () => {
      const found = problems(file(path, text));
      for (const [index, start] of expected.entries())
        assert.ok(found[index]?.startsWith(start), `expected ${start}\nfound\n${found.join('\n')}`);
      assert.equal(found.length, expected.length, found.join('\n'));
    });
});

describe('variables from the folders beside an inventory', () => {
  const beside = (files: Record<string, string>): VariableFile[] =>
    Object.entries(files).map(([path, text]) => {
      const [folder = '', ...rest] = path.split('/');
      return { folder: folder as VariableFile['folder'], relative: rest.join('/'), path, text };
    });
  const read = (text: string, files: Record<string, string>) =>
    readHosts([{ kind: 'file', path: 'i.ini', text, beside: beside(files) }]);

  test('count more than those of the inventory, and those of hosts more than those of groups', () => {
    const { entries, problems } = read(
      '[web]\na\nb ansible_user=b\nc.example.com\n[web:vars]\nansible_user=w\n[all:vars]\nansible_user=all',
      {
        'group_vars/all.yml': 'ansible_user: all-file\nansible_port: 1\n',
        'group_vars/web/1.yml': 'ansible_user: one\nansible_port: 2\n',
        'group_vars/web/2.yml': 'ansible_user: two\n',
        'group_vars/web.yml': 'ansible_user: not this one\n',
        'group_vars/other.yml': 'no: [yaml',
        'host_vars/c.example.com': '{"ansible_user": "c"}',
      },
    );
    assert.deepEqual(problems, []);
    assert.deepEqual(entries.map(line), [
      'a = two@a:2 group.web=yes',
      'b = b@b:2 group.web=yes',
      'c.example.com = c@c.example.com:2 group.web=yes',
    ]);
  });

  test('are told with their own file and line, and a sealed one is left alone', () => {
    const { notes, problems } = read('[web]\na\n[db]\nb', {
      'group_vars/web.yml': 'x: 1\nansible_port: x\n',
      'group_vars/db.yml': 'a: [\n',
      'group_vars/all.yml': '$ANSIBLE_VAULT;1.1;AES256\n6162\n',
    });
    assert.deepEqual(
      problems.map(({ from }) => from),
      ['group_vars/db.yml:2', 'group_vars/web.yml:2'],
    );
    assert.deepEqual(notes, ['group_vars/all.yml: not looked into, since ansible-vault sealed it']);
  });

  test('are found by their names', async () => {
    const files = [
      'web.yml',
      'web/users.yaml',
      'web/.hidden',
      'all',
      'db.example',
      'web/x.txt',
      'web/y~',
      '.git/config',
    ];
    const found = await findInventory('sites/hosts.ini', {
      isFolder: async () => false,
      filesBelow: async (folder) => (folder === 'sites/group_vars' ? files : []),
      readText: async (path) => path,
    });
    assert.deepEqual(
      found.kind === 'file' && found.beside?.map(({ path }) => path),
      ['web.yml', 'web/users.yaml', 'all', 'db.example'].map((name) => `sites/group_vars/${name}`),
    );
  });
});

test('the name of a variable in a template is understood, and nothing more', () => {
  const of = (value: string) =>
    readHosts([file('i.ini', `web-1.x ansible_host="${value}" ip=10.0.0.7 loop={{loop}} who="{{ip}}"`)]);
  const hosts: [string, string][] = [
    ['{{ ip }}', '10.0.0.7'],
    ['{{inventory_hostname_short}}.example.com', 'web-1.example.com'],
    ['{{ who }}', '10.0.0.7'],
  ];
  for (const [value, host] of hosts)
    assert.deepEqual(
      of(value).entries.map((entry) => entry.host),
      [host],
    );
  for (const value of [
    '{{ nobody }}',
    '{{ ip | upper }}',
    "{{ lookup('env', 'X') }}",
    '{{ loop }}',
    '{% if x %}',
  ])
    assert.match(
      of(value)
        .problems.map(({ from, message }) => `${from} ${message}`)
        .join(),
      /^i\.ini:1 ansible_host: a template/,
    );
});

test('a folder is one inventory, as Ansible has it', async () => {
  const files: Texts = {
    'prod/01-web': '\ufeff[web]\nweb-1\n',
    'prod/02-all.yml': 'prod: { children: { web: } }\n',
    'prod/03-parents': '[top:children]\nweb\nprod\n',
    'prod/04-lone': 'db-1\n',
    'prod/ec2.ini': '[ec2]\nregions = all\n',
    'prod/README.md': 'not this',
    'prod/.git/config': '[core]',
    'prod/group_vars/prod.yml': 'ansible_user: p\n',
    'prod/host_vars/db-1': 'ansible_port: 2222\n',
  };
  const found = await findInventory('prod/', {
    isFolder: async () => true,
    filesBelow: async (folder) =>
      Object.keys(files).flatMap((path) =>
        path.startsWith(folder) ? [path.slice(folder.replace(/\/?$/, '/').length)] : [],
      ),
    readText: async (path) => files[path] ?? '',
  });
  const { entries, problems, notes } = readHosts([found]);
  assert.deepEqual(problems, []);
  assert.deepEqual(notes, ['prod/ec2.ini: left aside, as Ansible does with .ini in a folder']);
  assert.deepEqual(entries.map(line), [
    'web-1 = p@web-1 group.top=yes group.prod=yes group.web=yes',
    'db-1 = db-1:2222',
  ]);
});

type Texts = Record<string, string>;
