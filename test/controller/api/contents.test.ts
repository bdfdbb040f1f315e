import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bearer, createWorld, requestOf, type World } from './fixture.ts';

let world: World;
const taken: Buffer[] = [];
before(async () => {
  world = await createWorld();
  const { contents } = world.verbs;
  const { put } = contents;
  contents.put = async (upload, by) => {
    for await (const piece of upload.body) taken.push(Buffer.from(piece));
    return put(upload, by);
  };
});
after(() => world.close());

const octets = { 'content-type': 'application/octet-stream' };

test('the bytes of an upload reach the store as they come, past the cap on other bodies', async () => {
  const payload = Buffer.alloc(5 * 1024 * 1024, 'x');
  const request = { ...requestOf('contents.put', 'runner'), payload };
  const reply = await world.api.app.inject({ ...request, headers: { ...request.headers, ...octets } });
  assert.equal(reply.statusCode, 200, reply.body);
  assert.equal(Buffer.compare(Buffer.concat(taken), payload), 0);
});

test('an upload that is not bytes is refused', async () => {
  const request = { ...requestOf('contents.put', 'runner'), payload: { a: 1 } };
  const reply = await world.api.app.inject(request);
  assert.equal(reply.json().error.code, 'bad-request');
});

test('no other route takes bytes', async () => {
  const reply = await world.api.app.inject({
    method: 'POST',
    url: '/api/v1/jobs',
    headers: { ...bearer('runner'), ...octets },
    payload: Buffer.from('{}'),
  });
  assert.equal(reply.json().error.code, 'bad-request');
});

const BAD: readonly [string, string][] = [
  ['a digest that is none', `/api/v1/contents/${'zz'.repeat(64)}?offset=0&length=1`],
  ['a short digest', '/api/v1/contents/abcd?offset=0&length=1'],
  ['no length', `/api/v1/contents/${'ab'.repeat(64)}?offset=0`],
  ['a negative offset', `/api/v1/contents/${'ab'.repeat(64)}?offset=-1&length=1`],
  ['more than any content has', `/api/v1/contents/${'ab'.repeat(64)}?offset=0&length=99999999999999`],
];
for (const [what, url] of BAD)
  test(`an upload is refused at the door: ${what}`, async () => {
    const headers = { ...bearer('runner'), ...octets };
    const reply = await world.api.app.inject({ method: 'PUT', url, headers, payload: Buffer.from('x') });
    assert.equal(reply.json().error.code, 'bad-request', reply.body);
  });
