import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { completionScript } from '../../../controller/cli/completion.ts';
import { buildProgram, everyCommand } from '../../../controller/cli/tree/program.ts';

const program = buildProgram(() => {}, { write() {}, writeError() {}, columns: 80, colour: false });

/** What bash offers for a line; the last word is the one that is being typed. */
function bash(...words: string[]): string[] {
  const array = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const lines = [
    completionScript('bash', program),
    // Outside a real completion compopt fails; what it is asked for is what counts.
    'compopt() { echo "<$*>"; }',
    `COMP_WORDS=(muster ${array})`,
    `COMP_CWORD=${words.length}`,
    '_muster',
    `printf '%s\\n' "\${COMPREPLY[@]}"`,
  ];
  const text = execFileSync('bash', ['--norc', '-c', lines.join('\n')], { encoding: 'utf8' });
  return text.split('\n').filter((line) => line !== '');
}

test('bash offers the commands, and those of a group', () => {
  assert.deepEqual(bash('a'), ['apply', 'agents', 'audit']);
  assert.deepEqual(bash('agents', ''), ['ls', 'show', 'label', 'upgrade', 'approve', 'remove']);
  assert.deepEqual(bash('jobs', 'l'), ['ls', 'logs']);
});

test('bash offers the options of the command at hand', () => {
  assert.deepEqual(bash('jobs', 'logs', '--a'), ['--after', '--agent']);
  assert.deepEqual(bash('run', '-t', 'web-1', '--d'), ['--detach']);
  assert.deepEqual(bash('status', '--t'), []);
});

test('bash offers the values that an option or argument can have', () => {
  assert.deepEqual(bash('operator', 'add', 'kim', '--role', ''), ['viewer', 'runner', 'admin']);
  assert.deepEqual(bash('completion', ''), ['bash', 'zsh', 'fish']);
  assert.deepEqual(bash('run', '--ttl', ''), [], 'a duration is nothing that can be offered');
});

test('bash offers files where files are meant, and behind "--"', () => {
  assert.deepEqual(bash('login', 'x', '--token-file', ''), ['<-o default>']);
  assert.deepEqual(bash('script', '-t', 'all', ''), ['<-o default>']);
  assert.deepEqual(bash('run', '-t', 'all', '--', 'ls', '--j'), ['<-o default>']);
});

test('a host that is called like a command does not confuse bash', () => {
  assert.deepEqual(bash('facts', 'agents', '--j'), ['--json']);
});

test('every command and every option is in each script', () => {
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    const text = completionScript(shell, program);
    for (const command of everyCommand(program)) {
      assert.ok(text.includes(command.name()), `${shell}: ${command.name()}`);
      for (const { long } of command.options)
        assert.ok(text.includes(shell === 'fish' ? `-l ${long?.slice(2)}` : `${long}`), `${shell}: ${long}`);
    }
  }
});

test('descriptions with quotes and colons do not break the scripts', () => {
  const odd = buildProgram(() => {}, { write() {}, writeError() {}, columns: 80, colour: false });
  odd.command("it's").description(`a 'quoted' "$(touch /x)" \\ thing: with a colon`);
  for (const shell of ['bash', 'zsh', 'fish'] as const) assert.ok(completionScript(shell, odd).length > 0);
  execFileSync('bash', ['-n'], { input: completionScript('bash', odd) });
  assert.ok(
    completionScript('fish', odd).includes(
      `-a 'it\\'s' -d 'a \\'quoted\\' "$(touch /x)" \\\\ thing: with a colon'`,
    ),
  );
  assert.ok(
    completionScript('zsh', odd).includes(
      `'it'\\''s:a '\\''quoted'\\'' "$(touch /x)" \\ thing: with a colon'`,
    ),
  );
});
