import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { commandLine } from '../../../controller/cli/command-line.ts';
import { parseListen } from '../../../controller/cli/serve-command.ts';
import { buildProgram, everyCommand, pathOf } from '../../../controller/cli/tree/program.ts';
import { MUSTER_VERSION } from '../../../proto/version.ts';
import { fakeTerminal } from './fake-terminal.ts';

const program = buildProgram(() => {}, { write() {}, writeError() {}, columns: 100, colour: false });
const commands = [...everyCommand(program)];
const leaves = commands.filter((command) => command.commands.length === 0);

async function muster(...argv: string[]) {
  const terminal = fakeTerminal({ home: '/nowhere' });
  const status = await commandLine(argv, terminal);
  return { status, out: terminal.stdout.text(), err: terminal.stderr.text() };
}

test('the version is printed alone, in each way in which people ask for it', async () => {
  for (const argv of [['--version'], ['-V'], ['version']])
    assert.deepEqual(await muster(...argv), { status: 0, out: `${MUSTER_VERSION}\n`, err: '' });
  const { version, node } = JSON.parse((await muster('version', '--json')).out);
  assert.deepEqual([version, node], [MUSTER_VERSION, process.version]);
});

for (const command of commands) {
  const path = pathOf(command).split(' ').slice(1);
  test(`"muster ${[...path, '--help'].join(' ')}" explains itself, within 100 columns but for the examples`, async () => {
    const { status, out, err } = await muster(...path, '--help');
    assert.deepEqual([status, err], [0, '']);
    assert.match(out, /^Usage: muster/);
    for (const option of command.options) assert.ok(option.description !== '', option.flags);
    if (command.commands.length === 0 && command.name() !== 'version')
      assert.match(out, /\nExamples?:\n {2}\S/);
  });
}

test('everything that prints has --json', () => {
  const without = leaves
    .filter((command) => !command.options.some(({ long }) => long === '--json'))
    .map((command) => command.name());
  // A script for a shell, bytes of a host, a first tour.
  assert.deepEqual(without.sort(), ['completion', 'output', 'quickstart']);
});

test('one letter means one thing everywhere', () => {
  const meanings = new Map<string, Set<string>>();
  for (const { options } of commands)
    for (const { short, long } of options)
      if (short && long) meanings.set(short, (meanings.get(short) ?? new Set()).add(long));
  assert.deepEqual(
    [...meanings].map(([short, longs]) => [short, ...longs]),
    [
      ['-V', '--version'],
      ['-t', '--targets'],
      ['-l', '--selector'],
      // tail and kubectl both live in people's hands: follow what is there, or the file to apply.
      ['-f', '--file', '--follow'],
      ['-o', '--out'],
      ['-i', '--inventory'],
    ],
  );
});

test('without a command the help is shown on stderr, and the status is that of wrong use', async () => {
  const { status, out, err } = await muster();
  assert.deepEqual([status, out], [2, '']);
  assert.match(err, /^Usage: muster/);
});

test('what is misspelt is wrong use, with a guess and where to look', async () => {
  const table: [string[], string][] = [
    [['rn'], `muster: unknown command 'rn' (Did you mean run?)\n  see "muster --help"\n`],
    [
      ['agents', 'shwo', 'x'],
      `muster: unknown command 'shwo' (Did you mean show?)\n  see "muster agents --help"\n`,
    ],
    [
      ['jobs', '--jsn'],
      `muster: unknown option '--jsn' (Did you mean --json?)\n  see "muster jobs ls --help"\n`,
    ],
    [['facts'], `muster: missing required argument 'agent'\n  see "muster facts --help"\n`],
    [
      ['facts', 'a', 'b'],
      `muster: too many arguments for 'facts'. Expected 1 argument but got 2: a, b.\n  see "muster facts --help"\n`,
    ],
    [
      ['status', '--json=1'],
      `muster: unknown option '--json=1' (Did you mean --json?)\n  see "muster status --help"\n`,
    ],
    [
      ['completion', 'tcsh'],
      `muster: command-argument value 'tcsh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish.\n  see "muster completion --help"\n`,
    ],
  ];
  for (const [argv, err] of table) assert.deepEqual(await muster(...argv), { status: 2, out: '', err });
});

test('an argument with control characters is shown harmless in the error', async () => {
  assert.match((await muster('\x1b[2J')).err, /unknown command '\\x1b\[2J'/);
});

test('no controller known: 5, with what to do', async () => {
  const { status, err } = await muster('agents');
  assert.equal(status, 5);
  assert.match(
    err,
    /no controller is known here: \/nowhere\/context.json is not there\n {2}start one with "muster serve"/,
  );
});

test('where to listen is a host and a port, each of which may be left out', () => {
  const table: [string, string, number][] = [
    ['127.0.0.1:7443', '127.0.0.1', 7443],
    ['0.0.0.0', '0.0.0.0', 7443],
    [':8443', '127.0.0.1', 8443],
    ['8443', '127.0.0.1', 8443],
    ['[::]:7443', '::', 7443],
    ['[::1]', '::1', 7443],
    ['controller.example:0', 'controller.example', 0],
  ];
  for (const [text, host, port] of table) assert.deepEqual(parseListen(text), { host, port }, text);
  for (const text of ['::1', 'a:b', 'a:99999', 'a:1:2', '[::1', 'https://a:1', 'a b'])
    assert.throws(() => parseListen(text), /--listen/, text);
});

test('docs/cli.md has every command and every option', () => {
  const text = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
  for (const command of leaves) {
    const path = pathOf(command).replace(/ ls$/, ' [ls]');
    const short = path.split(' ').slice(1).join(' ');
    assert.ok(text.includes(path) || new RegExp(`\\b${short}\\b`).test(text), path);
    for (const { long } of command.options) assert.ok(long && text.includes(long), `${path} ${long}`);
  }
});
