import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import * as z from 'zod';
import { task } from '../../../../controller/api/task-shapes.ts';
import { type Bundle, parseBundle } from '../../../../controller/cli/bundle/parse.ts';
import { probeMap, probeOf } from '../../../../controller/cli/bundle/probe.ts';
import { BUNDLE, TASKS } from '../../../../controller/cli/bundle/shape.ts';

const parse = (text: string | Uint8Array) => parseBundle(Buffer.from(text));

function bundleOf(text: string): Bundle {
  const parsed = parse(text);
  if ('problems' in parsed) throw new Error(problemsOf(text).join('\n'));
  return parsed.bundle;
}

/** As an operator sees them, without the file's name. */
function problemsOf(text: string | Uint8Array): string[] {
  const parsed = parse(text);
  assert.ok('problems' in parsed, 'it was taken');
  return parsed.problems.map(
    ({ line, path, message }) => `${line}: ${path === '' ? '' : `${path}: `}${message}`,
  );
}

/** What is wrong with one task; the task begins on line 2. */
const problemsOfTask = (task: string): string[] => problemsOf(`tasks:\n  - ${task}`);

test('a bundle file becomes tasks as the API has them', () => {
  const bundle = bundleOf(`
name: web tier
defaults: { user: www, cwd: /srv, timeout: 10m, ttl: 1h, max-output: 1MiB, nice: 5, env: { A: b } }
tasks:
  - name: packages are fresh
    shell: |
      apt-get -qq update
      echo done
    unless: test -f /x
    stdin: "yes\\n"
  - command: [systemctl, daemon-reload, "", "-n 5"]
    creates: /run/x
  - file: { path: /etc/motd, content: "hello\\n", mode: "0644", owner: root, group: adm }
  - directory: { path: /srv/app, mode: "1777" }
  - link: { path: /srv/now, target: ../app }
  - absent: /etc/old
  - service: { unit: nginx@a.service, state: restarted, enabled: false }
  - reboot: { timeout: 90s }
  - reboot: {}
  - reboot: { if-needed: true }
  - package: { name: nginx, version: "1:2.3-4~rc1", config-files: replace, lock-wait: 10m }
  - package: { names: [curl, libstdc++6], state: latest }
  - probe: { http: "https://127.0.0.1/health", status: 204, contains: ok, insecure: true, need: 3, of: 5 }
  - probe: { tcp: "[::1]:5432", every: 1s, timeout: 2s, within: 1m, hold: 10m }
  - probe: { command: [pg_isready, -q] }
  - name: other address
    shell: netplan apply
    undo:
      within: 90s
      tasks:
        - file: { path: /etc/netplan/a.yaml, content: old, mode: "0600" }
        - absent: /etc/netplan/b.yaml
        - command: [netplan, apply]
          stdin: "y"
        - service: { unit: networkd, state: restarted }
`);
  assert.equal(bundle.name, 'web tier');
  assert.deepEqual(bundle.defaults, {
    ...{ user: 'www', cwd: '/srv', timeout: 600_000, ttl: 3_600_000 },
    ...{ 'max-output': 1_048_576, nice: 5, env: { A: 'b' } },
  });
  assert.deepEqual(
    bundle.tasks.map((task) => ('body' in task ? task.body : 'a file')),
    [
      {
        name: 'packages are fresh',
        unless: 'test -f /x',
        shell: { line: 'apt-get -qq update\necho done\n', stdin: 'eWVzCg==' },
      },
      { creates: '/run/x', command: { argv: ['systemctl', 'daemon-reload', '', '-n 5'] } },
      {
        file: {
          path: '/etc/motd',
          state: 'file',
          inline: 'aGVsbG8K',
          mode: 0o644,
          owner: 'root',
          group: 'adm',
        },
      },
      { file: { path: '/srv/app', state: 'directory', mode: 0o1777 } },
      { file: { path: '/srv/now', state: 'link', target: '../app' } },
      { file: { path: '/etc/old', state: 'absent' } },
      { service: { unit: 'nginx@a.service', state: 'restarted', enabled: false } },
      { reboot: { timeoutMs: 90_000 } },
      { reboot: {} },
      { reboot: { ifNeeded: true } },
      {
        packages: {
          action: 'ensure',
          names: ['nginx'],
          version: '1:2.3-4~rc1',
          configFiles: 'replace',
          lockWaitMs: 600_000,
        },
      },
      { packages: { action: 'ensure', names: ['curl', 'libstdc++6'], state: 'latest' } },
      {
        probe: {
          need: 3,
          of: 5,
          http: { url: 'https://127.0.0.1/health', status: 204, contains: 'ok', insecure: true },
        },
      },
      {
        probe: {
          ...{ everyMs: 1_000, timeoutMs: 2_000, withinMs: 60_000, holdMs: 600_000 },
          tcp: { host: '::1', port: 5432 },
        },
      },
      { probe: { command: { argv: ['pg_isready', '-q'] } } },
      {
        name: 'other address',
        undo: {
          withinMs: 90_000,
          tasks: [
            { file: { path: '/etc/netplan/a.yaml', state: 'file', mode: 0o600, inline: 'b2xk' } },
            { file: { path: '/etc/netplan/b.yaml', state: 'absent' } },
            { command: { argv: ['netplan', 'apply'], stdin: 'eQ==' } },
            { service: { unit: 'networkd', state: 'restarted' } },
          ],
        },
        shell: { line: 'netplan apply' },
      },
    ],
  );
});

test('what a file names is said with its place, for whoever reads it', () => {
  const { tasks } = bundleOf(`tasks:
  - name: mend
    script: bin/fix.sh
    args: [--now]
  - file:
      path: /opt/app
      source: ./app.bin
      mode: "0755"
  - creates: /srv/site/done
    tree: { path: /srv/site, source: site, owner: www }
`);
  const read = tasks.map((task) => ('source' in task ? task : undefined));
  assert.deepEqual(
    read.map((task) => [task?.source, task?.line, task?.path]),
    [
      ['bin/fix.sh', 3, 'tasks[0].script'],
      ['./app.bin', 7, 'tasks[1].file.source'],
      ['site', 10, 'tasks[2].tree.source'],
    ],
  );
  const [script, file, tree] = read;
  assert.deepEqual(script && 'script' in script && script.script(Buffer.from('hi')), {
    name: 'mend',
    script: { content: 'aGk=', args: ['--now'], name: 'fix.sh' },
  });
  assert.deepEqual(file && 'is' in file && [file.is, file.target, file.more], [
    'file',
    { path: '/opt/app', mode: 0o755 },
    {},
  ]);
  assert.deepEqual(tree && 'is' in tree && [tree.is, tree.target, tree.more], [
    'folder',
    { path: '/srv/site', owner: 'www' },
    { creates: '/srv/site/done' },
  ]);
});

test('what every bundle may hold is what the API takes', () => {
  const { tasks } = bundleOf(`tasks:
  - package: { names: [a, b], state: absent }
  - probe: { http: "http://[::1]:8080/x?y", need: 2, of: 3, every: 1s, hold: 1h }
  - probe: { tcp: "db.example:5432" }
  - reboot: { timeout: 5m, if-needed: true }
  - service: { unit: nginx, state: restarted }
    undo: { within: 2m, tasks: [{ link: { path: /a, target: b } }, { directory: { path: /c } }] }
`);
  for (const one of tasks) assert.equal('body' in one && task.safeParse(one.body).error, undefined);
  const undo = { withinMs: 1, tasks: [{ shell: { line: 'x' } }] };
  assert.equal(task.safeParse({ shell: { line: 'x' }, undo }).success, true);
  for (const kind of [{ reboot: {} }, { collect: { path: '/x' } }, { uninstall: {} }])
    assert.equal(task.safeParse({ ...kind, undo }).success, false);
});

test('a probe that is asked of many hosts has places for their names and addresses', () => {
  const rollouts = probeMap({ name: z.string() }, { forEachHost: true });
  const given = { name: 'web', http: 'http://{address}:80/{name}' };
  assert.deepEqual(probeOf(rollouts.parse(given)), { http: { url: given.http } });
  assert.deepEqual(probeOf(rollouts.parse({ name: 'db', tcp: '{name}:5432' })), {
    tcp: { host: '{name}', port: 5432 },
  });
  assert.equal(rollouts.safeParse({ name: 'x', http: 'http://{host}/' }).success, false);
});

test('a byte order mark, CRLF, comments, JSON and a marked document are YAML too', () => {
  for (const text of [
    '\ufefftasks:\n  - shell: date\n',
    'tasks:\r\n  - shell: date\r\n',
    '---\n# now\ntasks: # all\n  - shell: date # it\n...\n',
    '{"tasks": [{"shell": "date"}]}',
  ])
    assert.deepEqual(bundleOf(text).tasks, [{ body: { shell: { line: 'date' } } }], text);
});

describe('what is no YAML of the plain kind is refused with its line', () => {
  const refused: [name: string, text: string | Uint8Array, ...problems: string[]][] = [
    ['nothing', '', '1: the file is empty'],
    ['spaces', ' \n\n', '1: the file is empty'],
    ['a comment', '# soon\n', '1: the file is empty'],
    ['an empty document', '---\n...\n', '1: expected a map with name, defaults, tasks, not nothing'],
    ['a tab that indents', 'tasks:\n\t- shell: x', '2: expected spaces: a tab cannot indent'],
    ['a tag', 'tasks:\n  - shell: !!str x', '2: tags ("!name") are not taken here; write plain values'],
    [
      'binary',
      'tasks:\n  - shell: !!binary aGk=',
      '2: tags ("!name") are not taken here; write plain values',
    ],
    [
      'an anchor and its alias',
      'name: &a x\ntasks: [{shell: *a}]',
      '1: anchors ("&name") are not taken here; write the value again',
      '2: aliases ("*name") are not taken here; write the value again',
    ],
    [
      'a merge key',
      'tasks:\n  - shell: x\n    <<: {name: y}',
      '3: merge keys and the like ("<<") are not taken here',
    ],
    ['a directive', '%YAML 1.1\n---\ntasks: []', '1: directives ("%NAME") are not taken here'],
    [
      'a second document',
      'tasks: [{shell: x}]\n---\ntasks: []',
      '2: expected one document, "---" begins a second one',
    ],
    ['a key that is there twice', 'name: a\ntasks: [{shell: x}]\nname: b', '3: the key name is there twice'],
    [
      'a key that is no text',
      'tasks: [{shell: x}]\n? [a]\n: b',
      '2: expected a text as key, put [a] in quotes',
    ],
    ['a quote without end', "name: 'x\n", "2: not YAML: Missing closing 'quote"],
    ['a NUL', 'name: x\ntasks: a\0b', '2: expected text, found the control character 0x00'],
    ['an escape', 'name: \x1b[31mx', '1: expected text, found the control character 0x1b'],
    ['bytes that are no UTF-8', Buffer.from('name: x\ntasks: \xe4', 'latin1'), '2: expected text in UTF-8'],
    ['UTF-16', Buffer.from('\ufeffname: x', 'utf16le'), '1: expected text in UTF-8'],
    ['depth', '['.repeat(200_000), '1: deeper than 16 levels'],
    ['depth in dashes', '- '.repeat(100_000), '1: deeper than 16 levels'],
    ['many keys', Array.from({ length: 5000 }, (_, i) => `k${i}: 1\n`).join(''), '1: more than 512 keys'],
  ];
  for (const [name, text, ...problems] of refused)
    test(name, () => assert.deepEqual(problemsOf(text), problems));

  test('a hundred thousand tags are told with a few', () => {
    assert.ok(problemsOf('!a '.repeat(100_000)).length <= 60);
  });
});

describe('a task that is wrong is refused with its place and what was expected', () => {
  const refused: [task: string, ...problems: string[]][] = [
    [
      'foo',
      '2: tasks[0]: expected a map with one of command, shell, script, file, tree, directory, link, absent, service, package, reboot and probe, not "foo"',
    ],
    [
      '{ name: x }',
      '2: tasks[0]: expected one of command, shell, script, file, tree, directory, link, absent, service, package, reboot and probe',
    ],
    [
      'name: x\n    shel: y',
      '3: tasks[0].shel: expected one of command, shell, script, file, tree, directory, link, absent, service, package, reboot and probe',
    ],
    ['shell: x\n    command: [y]', '2: tasks[0].shell: one task does one thing: there is command already'],
    [
      'shell: x\n    when: y',
      '3: tasks[0].when: is not known here, expected name, unless, creates, undo, stdin, shell',
    ],
    [
      'shell: x\n    args: [y]',
      '3: tasks[0].args: is not known here, expected name, unless, creates, undo, stdin, shell',
    ],
    ['shell: ""', '2: tasks[0].shell: expected a line for a shell, not ""'],
    ['shell: [a]', '2: tasks[0].shell: expected a line for a shell, not a list'],
    ['shell: "a\\0b"', '2: tasks[0].shell: has a NUL character'],
    ['shell:', '2: tasks[0].shell: expected a line for a shell, not nothing'],
    ['command: ls -l', '2: tasks[0].command: expected a list of texts, not "ls -l"'],
    ['command: []', '2: tasks[0].command: expected a program first'],
    ['command: [""]', '2: tasks[0].command: expected a program first'],
    [
      'command: [sleep, 5]',
      '2: tasks[0].command[1]: expected a text, not the number 5; a text is put in quotes',
    ],
    ['command: [a, true]', '2: tasks[0].command[1]: expected a text, not true; a text is put in quotes'],
    [
      '{ shell: x, name: "" }',
      '2: tasks[0].name: expected a name of 1 to 255 characters in one line, not ""',
    ],
    [
      '{ shell: x, name: "a\\nb" }',
      '2: tasks[0].name: expected a name of 1 to 255 characters in one line, not "a\\nb"',
    ],
    [
      '{ shell: x, creates: tmp }',
      '2: tasks[0].creates: expected an absolute path without "//", "." and "..", not "tmp"',
    ],
    [
      '{ shell: x, unless: false }',
      '2: tasks[0].unless: expected a line for a shell, not false; a text is put in quotes',
    ],
    [
      'file: /etc/motd',
      '2: tasks[0].file: expected a map with path, content, source, mode, owner, group, not "/etc/motd"',
    ],
    [
      'file: { content: x }',
      '2: tasks[0].file.path: is missing, expected an absolute path without "//", "." and ".."',
    ],
    ['file: { path: /a }', '2: tasks[0].file: expected either content or source'],
    ['file: { path: /a, content: x, source: y }', '2: tasks[0].file: expected either content or source'],
    [
      'file: { path: /a/../b, content: x }',
      '2: tasks[0].file.path: expected an absolute path without "//", "." and "..", not "/a/../b"',
    ],
    [
      'file:\n      path: /a\n      content: x\n      mode: 0644',
      '5: tasks[0].file.mode: expected four octal digits in quotes, like "0644", not the number 644; a text is put in quotes',
    ],
    [
      'file: { path: /a, content: x, mode: "644" }',
      '2: tasks[0].file.mode: expected four octal digits in quotes, like "0644", not "644"',
    ],
    [
      'file: { path: /a, content: x, mode: "0000" }',
      '2: tasks[0].file.mode: expected four octal digits in quotes, like "0644", not "0000"',
    ],
    [
      'file: { path: /a, content: x, mode: u+x }',
      '2: tasks[0].file.mode: expected four octal digits in quotes, like "0644", not "u+x"',
    ],
    [
      'file: { path: /a, content: x, owner: 0 }',
      '2: tasks[0].file.owner: expected the name of a user, not the number 0; a text is put in quotes',
    ],
    ['file: { path: /a, content: x, __proto__: { mode: "0777" } }', '2: "__proto__" is no key here'],
    ['directory: /srv', '2: tasks[0].directory: expected a map with path, mode, owner, group, not "/srv"'],
    ['link: { path: /a }', '2: tasks[0].link.target: is missing, expected where the link points'],
    [
      'absent: { path: /a }',
      '2: tasks[0].absent: expected an absolute path without "//", "." and "..", not a map',
    ],
    ['service: { unit: nginx }', '2: tasks[0].service: expected state, enabled or both'],
    [
      'service: { unit: --now, state: started }',
      '2: tasks[0].service.unit: expected the name of a unit, not "--now"',
    ],
    [
      'service: { unit: nginx, state: running }',
      '2: tasks[0].service.state: expected started, stopped, restarted or reloaded, not "running"',
    ],
    [
      'service: { unit: nginx, enabled: yes }',
      '2: tasks[0].service.enabled: expected true or false, not "yes"',
    ],
    ['reboot:', '2: tasks[0].reboot: expected a map with timeout, if-needed, not nothing'],
    [
      'reboot: { timeout: 90 }',
      '2: tasks[0].reboot.timeout: expected a duration like "10m", not the number 90; a text is put in quotes',
    ],
    ['reboot: { timeout: 2d }', '2: tasks[0].reboot.timeout: "2d" is too long; the most is 1d'],
    ['reboot: { if-needed: yes }', '2: tasks[0].reboot.if-needed: expected true or false, not "yes"'],
    ['package: { state: latest }', '2: tasks[0].package: expected either name or names'],
    ['package: { name: a, names: [b] }', '2: tasks[0].package: expected either name or names'],
    ['package: { name: -o }', '2: tasks[0].package.name: expected the name of a package, not "-o"'],
    [
      'package: { name: ../x.deb }',
      '2: tasks[0].package.name: expected the name of a package, not "../x.deb"',
    ],
    [
      'package: { names: [a, "x;reboot"] }',
      '2: tasks[0].package.names[1]: expected the name of a package, not "x;reboot"',
    ],
    ['package: { names: [] }', '2: tasks[0].package.names: expected at least one package'],
    ['package: { names: [a, a] }', '2: tasks[0].package.names: names a package twice'],
    [
      'package: { name: a, state: installed }',
      '2: tasks[0].package.state: expected present, latest or absent, not "installed"',
    ],
    [
      'package: { name: a, version: 1.10 }',
      '2: tasks[0].package.version: expected the version of a package, not the number 1.1; a text is put in quotes',
    ],
    [
      'package: { name: a, version: "-1" }',
      '2: tasks[0].package.version: expected the version of a package, not "-1"',
    ],
    [
      'package: { names: [a, b], version: "1" }',
      '2: tasks[0].package.version: is for one name whose state is present',
    ],
    [
      'package: { name: a, state: absent, version: "1" }',
      '2: tasks[0].package.version: is for one name whose state is present',
    ],
    [
      'package: { name: a, config-files: ask }',
      '2: tasks[0].package.config-files: expected keep or replace, not "ask"',
    ],
    [
      'package: { name: a, conffiles: keep }',
      '2: tasks[0].package.conffiles: is not known here, expected name, names, state, version, config-files, lock-wait',
    ],
    ['probe: { within: 1m }', '2: tasks[0].probe: expected one of command, shell, http and tcp'],
    [
      'probe: { shell: "true", tcp: "a:1" }',
      '2: tasks[0].probe.tcp: one probe asks one thing: there is shell already',
    ],
    ['probe: { shell: "true", status: 200 }', '2: tasks[0].probe.status: is for http, not for shell'],
    [
      'probe: { http: "ftp://x/" }',
      '2: tasks[0].probe.http: expected a URL of http or https without a password, not "ftp://x/"',
    ],
    [
      'probe: { http: "http://a:b@x/" }',
      '2: tasks[0].probe.http: expected a URL of http or https without a password, not "http://a:b@x/"',
    ],
    [
      'probe: { http: "http://{address}/" }',
      '2: tasks[0].probe.http: expected a URL of http or https without a password, not "http://{address}/"',
    ],
    [
      'probe: { http: "http://x/", status: 99 }',
      '2: tasks[0].probe.status: expected a whole number from 100 to 599',
    ],
    [
      'probe: { tcp: 5432 }',
      '2: tasks[0].probe.tcp: expected a host and a port, like "localhost:5432" or "[::1]:5432", not the number 5432; a text is put in quotes',
    ],
    ...['a', 'a:0', 'a:65536', '::1:80', '[::1]', '-v:80', 'a b:80'].map((tcp): [string, string] => [
      `probe: { tcp: "${tcp}" }`,
      `2: tasks[0].probe.tcp: expected a host and a port, like "localhost:5432" or "[::1]:5432", not "${tcp}"`,
    ]),
    [
      'probe: { tcp: "a:1", need: 3, of: 2 }',
      '2: tasks[0].probe.need: can never hold: 3 good tries of 2 are needed',
    ],
    [
      'probe: { tcp: "a:1", need: 16 }',
      '2: tasks[0].probe.need: can never hold: 16 tries take 30 s, and it has to within 30 s',
    ],
    ['probe: { tcp: "a:1", within: 0s }', '2: tasks[0].probe.within: "0s" is too short; the least is 1 ms'],
    [
      'shell: x\n    undo: { tasks: [{ shell: y }] }',
      '3: tasks[0].undo.within: is missing, expected a duration like "10m"',
    ],
    // An agent would not take it: the whole order would be refused there.
    ...['reboot: {}', 'probe: { tcp: "db:1" }'].map((kind): [string, string] => [
      `${kind}\n    undo: { within: 1m, tasks: [{ shell: y }] }`,
      `3: tasks[0].undo: is not known here, expected name, unless, creates, ${kind.split(':')[0]}`,
    ]),
    ['shell: x\n    undo: { within: 1m, tasks: [] }', '3: tasks[0].undo.tasks: expected at least one task'],
    [
      'shell: x\n    undo:\n      within: 1m\n      tasks:\n        - script: y',
      '6: tasks[0].undo.tasks[0].script: expected one of command, shell, file, directory, link, absent and service',
    ],
    [
      'shell: x\n    undo:\n      within: 1m\n      tasks:\n        - shell: y\n        - file: { path: /a, source: b }',
      '7: tasks[0].undo.tasks[1].file.content: is missing, expected a text',
      '7: tasks[0].undo.tasks[1].file.source: is not known here, expected path, content, mode, owner, group',
    ],
    [
      'shell: x\n    undo: { within: 1m, tasks: [{ shell: y, name: z }] }',
      '3: tasks[0].undo.tasks[0].name: is not known here, expected shell, stdin',
    ],
    ['script: ""', '2: tasks[0].script: expected the name of a file, not ""'],
  ];
  for (const [task, ...problems] of refused)
    test(task.replaceAll(/\n */g, ' '), () => assert.deepEqual(problemsOfTask(task), problems));
});

test('all that is wrong with a file is told at once, by line', () => {
  assert.deepEqual(
    problemsOf(`nam: x
defaults: { user: 5, nice: 20, env: { 1A: x, B: 2 }, timeout: 10 }
tasks:
  - { name: a, shell: x }
  - { name: a, shell: 1 }
more: y
`),
    [
      '1: nam: is not known here, expected name, defaults, tasks',
      '2: defaults.env.B: expected a text, not the number 2; a text is put in quotes',
      '2: defaults.env["1A"]: expected the name of a variable',
      '2: defaults.nice: expected a whole number from 0 to 19',
      '2: defaults.timeout: expected a duration like "10m", not the number 10; a text is put in quotes',
      '2: defaults.user: expected the name of a user, not the number 5; a text is put in quotes',
      '5: tasks[1].name: "a" is the name of tasks[0] too',
      '5: tasks[1].shell: expected a line for a shell, not the number 1; a text is put in quotes',
      '6: more: is not known here, expected name, defaults, tasks',
    ],
  );
});

test('tasks are needed, as a list, and not more than an order holds', () => {
  assert.deepEqual(problemsOf('name: x'), ['1: tasks: is missing, expected a list of tasks']);
  assert.deepEqual(problemsOf('tasks: []'), ['1: tasks: expected at least one task']);
  assert.deepEqual(problemsOf('tasks: { shell: x }'), ['1: tasks: expected a list of tasks, not a map']);
  assert.deepEqual(problemsOf('- shell: x'), ['1: expected a map with name, defaults, tasks, not a list']);
  const many = `tasks:\n${'  - shell: x\n'.repeat(257)}`;
  assert.deepEqual(problemsOf(many), ['1: tasks: expected at most 256 tasks']);
});

test('a variable with a name of JavaScript is kept or refused, never dropped', () => {
  const { defaults } = bundleOf('defaults: { env: { constructor: x, A: b } }\ntasks: [{ shell: x }]');
  assert.deepEqual(Object.entries(defaults.env ?? {}), [
    ['constructor', 'x'],
    ['A', 'b'],
  ]);
  assert.deepEqual(problemsOf('defaults: { env: { __proto__: x } }\ntasks: [{ shell: x }]').length, 1);
});

test('docs/bundles.md has every key, and its example is a bundle', () => {
  const docs = readFileSync(new URL('../../../../docs/bundles.md', import.meta.url), 'utf8');
  const { defaults } = BUNDLE.shape;
  const keys = [
    ...Object.keys(BUNDLE.shape),
    ...Object.keys(defaults.unwrap().shape),
    ...Object.values(TASKS).flatMap((task) => Object.keys(task.shape)),
  ];
  for (const key of new Set(keys)) assert.match(docs, new RegExp(`\`${key}[\`:]`), key);
  const inner = Object.entries(TASKS).flatMap(([kind, task]) => {
    const { shape } = (task.shape as Record<string, { shape?: object }>)[kind] ?? {};
    return Object.keys(shape ?? {}).map((key) => [kind, key] as const);
  });
  assert.ok(inner.length > 10);
  for (const [kind, key] of inner)
    assert.match(docs, new RegExp(`\`${kind}: \\{[^}]*\\b${key}\\b`), `${kind}.${key}`);
  const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(docs) ?? [];
  assert.ok(bundleOf(example).tasks.length > 5);
});
