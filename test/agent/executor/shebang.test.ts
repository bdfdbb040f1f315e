import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseShebang } from '../../../agent/executor/shebang.ts';
import { bytes } from './machine.ts';

const GOOD: [string, { interpreter: string; argument?: string }][] = [
  ['', { interpreter: '/bin/sh' }],
  ['echo hi\n', { interpreter: '/bin/sh' }],
  ['#!\n', { interpreter: '/bin/sh' }],
  ['#!/bin/bash', { interpreter: '/bin/bash' }],
  ['#!/bin/bash\necho', { interpreter: '/bin/bash' }],
  ['#! \t/bin/bash \t\n', { interpreter: '/bin/bash' }],
  ['#!/usr/bin/env python3\n', { interpreter: '/usr/bin/env', argument: 'python3' }],
  ['#!/usr/bin/env  -S  python3 -u \n', { interpreter: '/usr/bin/env', argument: '-S  python3 -u' }],
  ['#!/bin/awk -f\n', { interpreter: '/bin/awk', argument: '-f' }],
  [' #!/bin/bash\n', { interpreter: '/bin/sh' }],
  [
    `#!/bin/sh ${'x'.repeat(200)}\n${'y'.repeat(5000)}`,
    { interpreter: '/bin/sh', argument: 'x'.repeat(200) },
  ],
];

test('the first line is read like the kernel reads it', () => {
  for (const [content, expected] of GOOD)
    assert.deepEqual(parseShebang(bytes(content)), expected, JSON.stringify(content.slice(0, 60)));
});

test('a first line that no kernel would take is a reason', () => {
  const bad: [string, RegExp][] = [
    ['#!/bin/sh\r\necho\r\n', /Windows line ends.*"#!\/bin\/sh\\r"/],
    ['#!/usr/bin/env python\r\n', /Windows line ends/],
    [`#!/${'x'.repeat(300)}\n`, /longer than 256 bytes/],
    ['#!/bin/sh\0x\n', /NUL/],
  ];
  for (const [content, expected] of bad) {
    const parsed = parseShebang(bytes(content));
    assert.ok('problem' in parsed, JSON.stringify(content));
    assert.match(parsed.problem, expected);
  }
});
