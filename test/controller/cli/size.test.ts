import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../../../controller/cli/failure.ts';
import { formatSize, parseSize } from '../../../controller/cli/size.ts';

test('sizes are read as whole bytes, K and KiB as 1024, KB as 1000', () => {
  const table: [string, number][] = [
    ['4096', 4096],
    ['1b', 1],
    ['512K', 524_288],
    ['512k', 524_288],
    ['10MiB', 10_485_760],
    ['10KB', 10_000],
    ['10MB', 10_000_000],
    ['1GB', 1_000_000_000],
    ['1G', 1_073_741_824],
    ['1.5M', 1_572_864],
    ['2 GiB', 2_147_483_648],
  ];
  for (const [text, bytes] of table) assert.equal(parseSize(text), bytes, text);
});

test('what is no size is refused with how to write one', () => {
  for (const text of ['', 'M', '-1', '1T', '1e3', '10 M B', '١M', '0x10', '10MiBs'])
    assert.throws(
      () => parseSize(text),
      (error) =>
        error instanceof Failure && error.exit === 2 && /is not a size; write it like/.test(error.message),
      text,
    );
});

test('a size outside its bounds names the bound', () => {
  assert.throws(() => parseSize('2G', { maxBytes: 1024 ** 3 }), /the most is 1 GiB/);
  assert.throws(() => parseSize('0'), /the least is 1 B/);
});

test('sizes are shown with two digits at most', () => {
  const table: [number, string][] = [
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [10_485_760, '10 MiB'],
    [1_048_570, '1 MiB'],
    [5 * 1024 ** 4, '5 TiB'],
  ];
  for (const [bytes, text] of table) assert.equal(formatSize(bytes), text);
});
