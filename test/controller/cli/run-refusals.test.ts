import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stage } from './run-stage.ts';

const WRONG: [what: string, argv: string[], message: RegExp][] = [
  ['nobody named', ['x'], /nobody is named\n.*everybody is "-t all"/],
  ['an empty target', ['-t', '', 'x'], /-t is empty/],
  ['an empty selector', ['-l', ' ', 'x'], /-l is empty/],
  ['no command', ['-t', 'all'], /there is no command\n.*muster run -t all -- uname -a/],
  ['no command behind "--"', ['-t', 'all', '--'], /there is no command/],
  ['an empty command', ['-t', 'all', '--', ''], /the command is empty/],
  ['a NUL', ['-t', 'all', '--', 'a\0b'], /NUL/],
  ['a command and a shell line', ['-t', 'all', '--shell', 'a', 'b'], /exclude each other/],
  [
    'a duration without unit',
    ['-t', 'all', '--ttl', '15', 'x'],
    /'--ttl <duration>' argument '15' is invalid. "15" needs a unit/,
  ],
  ['a time that is too long', ['-t', 'all', '--timeout', '31d', 'x'], /the most is 30d/],
  ['no size', ['-t', 'all', '--max-output', 'much', 'x'], /is not a size/],
  ['a limit of more than all', ['-t', 'all', '--limit', '101%', 'x'], /a share like 25%/],
  ['a relative folder', ['-t', 'all', '--cwd', 'srv', 'x'], /does not begin with "\/"/],
  ['a variable without value', ['-t', 'all', '--env', 'A', 'x'], /"A" is not KEY=VALUE/],
  ['a variable that is none', ['-t', 'all', '--env', '1A=x', 'x'], /cannot be the name of a variable/],
  ['a file of targets that is not there', ['-t', '@/nowhere', 'x'], /\/nowhere: there is no such file/],
  ['a batch of nobody', ['-t', 'all', '--batch', '0', 'x'], /'--batch <n>' argument '0' .*a share like 25%/],
  ['a batch of more than all', ['-t', 'all', '--batch', '101%', 'x'], /a share like 25%/],
  ['failures that are no number', ['-t', 'all', '--max-failures', 'few', 'x'], /a number like 3/],
  ['more failures than hosts', ['-t', 'all', '--max-failures', '101%', 'x'], /a share like 10%/],
  ['no attempt', ['-t', 'all', '--attempts', '0', 'x'], /a whole number from 1 to 100/],
  ['what is no job', ['--failed-of', 'web-1', 'x'], /"web-1" is not a job id/],
  ['a check that cannot be true', ['-t', 'all', '--check', 'x'], /unknown option '--check'/],
  ['a misspelt option', ['--detatch', 'x'], /unknown option '--detatch' \(Did you mean --detach\?\)/],
];
for (const [what, argv, message] of WRONG) {
  test(`wrong use is refused with 2 before anything is sent: ${what}`, async (t) => {
    const { run, terminal, api } = await stage(t, {});
    assert.equal(await run(...argv), 2);
    assert.match(terminal.stderr.text(), message);
    assert.match(terminal.stderr.text(), /^muster: /);
    assert.equal(terminal.stdout.text(), '');
    assert.equal(api.connections(), 0);
  });
}
