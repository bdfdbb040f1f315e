import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { settingsWith } from '../../../controller/installer/remote/settings.ts';

test('an administrator’s lines stay, in whatever order they are', () => {
  const before =
    '# mine\nMUSTER_AGENT_PARALLEL_RUNS=4\nMUSTER_AGENT_PROXY="http://old:1"\n\nNODE_EXTRA_CA_CERTS=/x';
  assert.equal(
    settingsWith(before, { MUSTER_AGENT_PROXY: 'http://new:3128' }),
    '# mine\nMUSTER_AGENT_PARALLEL_RUNS=4\n\nNODE_EXTRA_CA_CERTS=/x\nMUSTER_AGENT_PROXY="http://new:3128"\n',
  );
  const once = settingsWith(undefined, { A: '1' });
  assert.equal(settingsWith(once, { A: '1' }), once, 'nothing is to be done twice');
});

test('a shell reads back what was written, whatever is in it', () => {
  const value = 'http://us"er:p$HOME`id`\\w\'1 2@proxy:3128';
  const file = settingsWith(undefined, { VALUE: value });
  const read = execFileSync('sh', ['-c', `${file}\nprintf %s "$VALUE"`]).toString();
  assert.equal(read, value);
  for (const wrong of ['a\nROOT=1', 'a\0b', '\u001b[0m'])
    assert.throws(() => settingsWith(undefined, { VALUE: wrong }), /cannot hold/);
});
