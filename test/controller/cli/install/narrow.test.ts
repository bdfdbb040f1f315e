import assert from 'node:assert/strict';
import { test } from 'node:test';
import { narrow } from '../../../../controller/cli/install/narrow.ts';
import { entryOf } from './hosts.ts';

const entries = [
  entryOf('web-1'),
  entryOf('web-2', { host: '10.0.0.2' }),
  entryOf('root@10.0.0.7:2222', { host: '10.0.0.7', name: undefined }),
  entryOf('db-1', { name: 'db-main' }),
];
const limited = (limit: string | undefined) => narrow(entries, limit).map(({ written }) => written);

test('without a limit all are meant', () => {
  assert.equal(limited(undefined).length, 4);
});

test('a number or a share is the first of the list', () => {
  assert.deepEqual(limited('2'), ['web-1', 'web-2']);
  assert.deepEqual(limited('25%'), ['web-1']);
});

test('names, globs and exclusions are of what a host is called here or there, or as it was written', () => {
  assert.deepEqual(limited('web-*,!web-1'), ['web-2']);
  assert.deepEqual(limited('10.0.0.*'), ['web-2', 'root@10.0.0.7:2222']);
  assert.deepEqual(limited('db-main'), ['db-1']);
  assert.deepEqual(limited('DB-1, root@10.0.0.7:2222'), ['root@10.0.0.7:2222', 'db-1']);
  assert.deepEqual(limited('all,!root@10.0.0.7:2222'), ['web-1', 'web-2', 'db-1']);
});

test('a name that nobody has is refused, behind an exclamation mark too', () => {
  assert.throws(() => limited('web-1,web-9'), /the list has no web-9/);
  assert.throws(() => limited('all,!web-9'), /the list has no !web-9/);
});

test('a group of an inventory stands for the hosts in it', () => {
  const grouped = [
    entryOf('a', { labels: { 'group.web': 'yes', 'group.prod_eu': 'yes' } }),
    entryOf('b', { labels: { 'group.db': 'yes', 'group.prod_eu': 'yes' } }),
    entryOf('c', { labels: { web: 'yes' } }),
  ];
  const of = (limit: string) => narrow(grouped, limit).map(({ written }) => written);
  assert.deepEqual(of('web'), ['a']);
  assert.deepEqual(of('prod_eu,!db'), ['a']);
  assert.deepEqual(of('all,!prod_*'), ['c']);
});
