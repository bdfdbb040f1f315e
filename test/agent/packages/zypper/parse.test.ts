/** Answers of zypper 1.14.42, but where a test says that they are made up after its source. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as parse from '../../../../agent/packages/zypper/parse.ts';
import { pendingOf } from '../../../../agent/packages/zypper/zypper.ts';

const stream = (inside: string) => `<?xml version='1.0'?>\n<stream>\n${inside}\n</stream>\n`;
const solvable = (attributes: string) =>
  `<solvable type="package" ${attributes}><description>x</description></solvable>`;

describe('answers of zypper', () => {
  test('a summary is the whole transaction', () => {
    const text = stream(`<message type="info">Loading repository data...</message>
<install-summary download-size="12055" space-usage-diff="2" packages-to-change="6">
<to-upgrade>${solvable('name="app" edition="1:2-1" arch="noarch" edition-old="1:1-1" arch-old="noarch"')}</to-upgrade>
<to-downgrade>${solvable('name="down" edition="1-1" arch="noarch" edition-old="2-1" arch-old="noarch"')}</to-downgrade>
<to-install>${solvable('name="need" edition="1-1" arch="noarch"')}${solvable('name="kernel" edition="3-1" arch="x86_64"')}</to-install>
<to-remove>${solvable('name="old" edition="1-1" arch="noarch"')}${solvable('name="kernel" edition="1-1" arch="x86_64"')}</to-remove>
<to-reinstall>${solvable('name="same" edition="1-1" arch="noarch" edition-old="1-1"')}</to-reinstall>
<to-change-arch>${solvable('name="bits" edition="1-1" arch="x86_64" edition-old="1-1" arch-old="i586"')}</to-change-arch>
<to-install><solvable type="patch" name="P" edition="1" arch="noarch"/></to-install>
</install-summary>
<prompt id="0"><text>Continue?</text></prompt>`);
    assert.deepEqual(parse.parseSummary(text), {
      downloadBytes: 12055,
      otherVendor: [],
      changes: [
        { name: 'app', arch: 'noarch', from: '1:1-1', to: '1:2-1' },
        { name: 'bits', arch: 'i586', from: '1-1', to: '' },
        { name: 'bits', arch: 'x86_64', from: '', to: '1-1' },
        { name: 'down', arch: 'noarch', from: '2-1', to: '1-1' },
        { name: 'kernel', arch: 'x86_64', from: '1-1', to: '3-1' },
        { name: 'need', arch: 'noarch', from: '', to: '1-1' },
        { name: 'old', arch: 'noarch', from: '1-1', to: '' },
      ],
    });
    const nothing = stream('<message type="info">Nothing to do.</message>');
    assert.deepEqual(parse.parseSummary(nothing)?.changes, []);
    assert.equal(parse.parseSummary(stream('<message type="error">x</message>')), undefined);
  });

  test('one that changes its vendor is named, and is one change', () => {
    const ven = solvable('name="ven" edition="2-1" arch="noarch" edition-old="1-1" arch-old="noarch"');
    const text = stream(
      `<install-summary download-size="1"><to-upgrade>${ven}</to-upgrade><to-change-vendor>${ven}</to-change-vendor></install-summary>`,
    );
    const summary = parse.parseSummary(text);
    assert.deepEqual(summary?.otherVendor, ['ven']);
    assert.equal(summary?.changes.length, 1);
  });

  test('a refusal is what the solver says, in one line', () => {
    const problem = stream(`<prompt id="1">
<description>Problem: app-2-1.noarch requires newdep, but this requirement cannot be provided
 Solution 1: downgrade of app-2-1.noarch to app-1-1.noarch
</description>
<text>Choose from above solutions by number or cancel</text>
</prompt>`);
    assert.equal(
      parse.parseReason(problem),
      'app-2-1.noarch requires newdep, but this requirement cannot be provided',
    );
    const missing = stream('<message type="error">Package &apos;nope&apos; not found.</message>');
    assert.equal(parse.parseReason(missing), "Package 'nope' not found.");
  });

  test('what is cut off or not well formed is no answer', () => {
    for (const text of ['', '<stream>', '<stream><a></stream>', stream('<a b=c/>'), stream('&x;')])
      assert.throws(() => parse.parseSummary(text), /cannot be read/, text);
  });

  test('a name that is __proto__ is a name', () => {
    const text = stream(
      '<update kind="package" name="__proto__" edition="2" arch="noarch" edition-old="1" __proto__="x"/>',
    );
    assert.deepEqual(parse.parseUpdates(text), [{ name: '__proto__', arch: 'noarch', from: '1', to: '2' }]);
  });

  test('a patch mends the packages that it stands against, one or many, with their arch or without', () => {
    const one = stream(
      '<message type="info">Name        : SEC-1\nProvides    : patch:SEC-1 = 1\nConflicts   : app &lt; 2-1\n</message>',
    );
    assert.deepEqual([...parse.parseMended(one)], ['app']);
    // The list of many is made up after zypper's source.
    const many = stream(
      '<message type="info">Conflicts   : [3]\n    app.x86_64 &lt; 2-1\n    lib.noarch &lt; 1:2-1\n    srcpackage:app &lt; 2-1\n</message>',
    );
    const mended = parse.parseMended(many);
    assert.deepEqual([...mended], ['app.x86_64', 'lib.noarch']);
    const waiting = [
      { name: 'app', arch: 'i586', from: '1-1', to: '2-1' },
      { name: 'lib', arch: 'noarch', from: '1-1', to: '2-1' },
    ];
    assert.deepEqual(
      pendingOf(waiting, new Set(['app']), mended, new Set()).map(({ security, held }) => [security, held]),
      [
        [false, true],
        [true, false],
      ],
    );
  });

  test('archives that were fetched are told by name, arch and version', () => {
    const text = stream(
      '<download-result><solvable><kind>package</kind><name>app</name><edition epoch="1" version="2" release="3"/><arch>noarch</arch><repository name="x" alias="f"/></solvable><localfile path="/scr/f/app.rpm"/></download-result>',
    );
    assert.deepEqual(parse.parseDownloads(text), [
      { name: 'app', arch: 'noarch', version: '1:2-3', path: '/scr/f/app.rpm' },
    ]);
  });

  test('locks of packages are read, of patches not', () => {
    const text = stream(
      '<locks size="2"><lock number="1"><name>pin*</name><type>package</type></lock>\n<lock number="2"><name>P</name><type>patch</type></lock>\n</locks>',
    );
    assert.deepEqual(parse.parseLocks(text), ['pin*']);
  });

  test('history is grouped by command, newest first, with the versions before where they are known', () => {
    const text = `# 2026-11-27 13:57:18 app-1.rpm installed ok
2026-11-27 13:57:18|command|root@vm|'zypper' 'install' '--' 'app=1'|
2026-11-27 13:57:18|install|app|0:1-1|noarch|root@vm|fixture|ac73|
2026-11-27 13:57:18|patch  |SEC-1|1|noarch|fixture|important|security|not-needed|needed|
2026-11-27 14:00:00|command|root@vm|'zypper' 'lu'|
2026-11-27 14:01:00|command|root@vm|'zypper' 'up' 'a b'|
2026-11-27 14:01:01|install|app|2-1|noarch||fixture|ac73|
2026-11-27 14:01:01|remove |old|1-1|noarch|root@vm|
`;
    assert.deepEqual(
      parse.parseHistory(text, (local) => Number(local.slice(14, 16))),
      [
        {
          atMs: 1,
          command: "zypper up 'a b'",
          changes: [
            { name: 'app', arch: 'noarch', from: '1-1', to: '2-1' },
            { name: 'old', arch: 'noarch', from: '1-1', to: '' },
          ],
        },
        {
          atMs: 57,
          command: 'zypper install -- app=1',
          changes: [{ name: 'app', arch: 'noarch', from: '', to: '1-1' }],
        },
      ],
    );
  });

  test('repositories that gave no answer are named', () => {
    const said = `Repository 'dead' is invalid.
[dead|http://127.0.0.1:9/] Valid metadata not found at specified URL
History:
 - [|] Error trying to read from 'http://127.0.0.1:9/'
Error code: Connection failed
Error message: Failed to connect to 127.0.0.1 port 9 after 0 ms: Couldn't connect to server

Skipping repository 'dead' because of the above error.
`;
    assert.match(parse.parseRefreshFailure(said) ?? '', /^dead: Failed to connect to 127\.0\.0\.1/);
  });
});
