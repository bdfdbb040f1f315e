import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createSecrets, type Question, type Trial } from '../../../../controller/installer/ssh/secrets.ts';

const forever = new AbortController().signal;

/** The secret of a user, and what was asked for it. */
function secret(answer: string | undefined) {
  const asked: Question[] = [];
  const secrets = createSecrets(async (question) => {
    asked.push(question);
    return answer;
  }, forever);
  return { asked, secrets, carol: secrets.password('carol') };
}

const given = async (begun: Promise<Trial | 'none' | 'refused'>): Promise<Trial> => {
  const trial = await begun;
  assert.ok(typeof trial !== 'string', String(trial));
  return trial;
};

/** Whether it is settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol();
  await new Promise((resolve) => setImmediate(resolve));
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}

describe('a secret that many hosts ask for', () => {
  test('is asked once, of each user and for each purpose', async () => {
    const { asked, secrets } = secret('it');
    for (const one of [
      secrets.password('carol'),
      secrets.password('carol'),
      secrets.password('dave'),
      secrets.sudoPassword('carol'),
    ])
      (await given(one.begin('web-1'))).worked();
    assert.deepEqual(
      asked.map((question) => ('user' in question ? `${question.kind} ${question.user}` : question.kind)),
      ['password carol', 'password dave', 'sudo-password carol'],
    );
  });

  test('is tried by one host at a time until one has taken it, then by all', async () => {
    const { carol } = secret('it');
    const first = await given(carol.begin('web-1'));
    const others = ['web-2', 'web-3'].map((host) => carol.begin(host));
    assert.ok(!(await isSettled(Promise.race(others))));
    first.refused();
    const second = await given(others[0] as Promise<Trial>);
    assert.ok(!(await isSettled(others[1] as Promise<Trial>)));
    second.worked();
    await given(others[1] as Promise<Trial>);
    await given(carol.begin('web-4'));
    await given(carol.begin('web-5'));
  });

  test('is given up after three refusals in a row, and never once it was taken', async () => {
    const wrong = secret('wrong').carol;
    for (const host of ['web-1', 'web-2', 'web-3']) (await given(wrong.begin(host))).refused();
    assert.equal(await wrong.begin('web-4'), 'refused');
    const right = secret('right').carol;
    (await given(right.begin('web-1'))).worked();
    for (const host of ['web-2', 'web-3', 'web-4', 'web-5']) (await given(right.begin(host))).refused();
    await given(right.begin('web-6'));
  });

  test('that was not given keeps nobody waiting, and a connection that broke says nothing of it', async () => {
    const { carol, asked } = secret(undefined);
    assert.deepEqual(await Promise.all([carol.begin('web-1'), carol.begin('web-2')]), ['none', 'none']);
    assert.equal(asked.length, 1);
    const flaky = secret('it').carol;
    for (let index = 0; index < 5; index++) (await given(flaky.begin('web-1'))).dropped();
    (await given(flaky.begin('web-2'))).worked();
  });
});
