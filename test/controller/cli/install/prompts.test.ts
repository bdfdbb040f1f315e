import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT, Failure } from '../../../../controller/cli/failure.ts';
import { createPrompts } from '../../../../controller/cli/install/prompts.ts';

/** A terminal at which answers are given one by one. */
function stage(isTerminal = true) {
  const asked: { question: string; answer(text: string): void; press(): void }[] = [];
  const told: string[] = [];
  const prompts = createPrompts({
    surroundings: {
      stdin: { isTerminal, readAll: async () => new Uint8Array() },
      stderr: {
        ...{ isTerminal, columns: () => 80, rows: () => 24, settled: async () => {} },
        write: (text) => void told.push(String(text)),
      },
      ask: (question) =>
        new Promise((resolve, reject) =>
          asked.push({
            question,
            answer: resolve,
            press: () => reject(new Failure(EXIT.detached, 'nothing was done')),
          }),
        ),
    },
    hold() {
      told.push('hold');
      return () => told.push('release');
    },
    interrupted: () => told.push('interrupted'),
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { prompts, asked, told, turn };
}

test('one question is asked at a time, while the display leaves the terminal', async () => {
  const { prompts, asked, told, turn } = stage();
  const secret = prompts.secret('Passphrase: ');
  const sure = prompts.confirm('A key', 'Right? ');
  await turn();
  assert.deepEqual(
    asked.map(({ question }) => question),
    ['Passphrase: '],
  );
  asked[0]?.answer('hush');
  assert.equal(await secret, 'hush');
  await turn();
  assert.deepEqual(told, ['hold', 'release', 'hold', 'A key\n']);
  asked[1]?.answer('yes');
  assert.equal(await sure, true);
});

test('anything but yes is no', async () => {
  for (const text of ['', 'n', 'sure', 'yesterday']) {
    const { prompts, asked, turn } = stage();
    const sure = prompts.confirm('', 'Right? ');
    await turn();
    asked[0]?.answer(text);
    assert.equal(await sure, false, text);
  }
});

test('Ctrl-C at a question is one for the install, answers no, and ends all other questions', async () => {
  const { prompts, asked, told, turn } = stage();
  const first = prompts.confirm('', 'Right? ');
  const second = prompts.secret('Passphrase: ');
  await turn();
  asked[0]?.press();
  assert.equal(await first, false);
  assert.equal(await second, undefined);
  assert.deepEqual(told, ['hold', 'interrupted', 'release']);
  assert.equal(asked.length, 1);
});

test('without a terminal nobody is asked', async () => {
  const { prompts, asked } = stage(false);
  assert.equal(await prompts.secret('Passphrase: '), undefined);
  assert.equal(await prompts.confirm('', 'Right? '), false);
  assert.deepEqual(asked, []);
});
