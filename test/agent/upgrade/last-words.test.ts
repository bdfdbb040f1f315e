import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lastWordsOf } from '../../../agent/upgrade/last-words.ts';

const JOURNAL = `Nov 27 06:00:01 h1 systemd[1]: muster-agent.service: Main process exited, code=killed, status=9/KILL
Nov 27 06:00:01 h1 systemd[1]: Started muster-agent.service - Muster agent.
Nov 27 06:00:02 h1 muster-agent[100]: /opt/muster-agent/b/agent.cjs:1
Nov 27 06:00:02 h1 muster-agent[100]: Error: it cannot be
Nov 27 06:00:02 h1 muster-agent[100]:     at Object.<anonymous> (/opt/muster-agent/b/agent.cjs:1:44)
Nov 27 06:00:02 h1 muster-agent[100]: Node.js v24.21.0
Nov 27 06:00:02 h1 systemd[1]: muster-agent.service: Main process exited, code=exited, status=1/FAILURE
Nov  7 06:00:04 h1 node[200]: {"level":30,"msg":"link ended","reason":"connect ECONNREFUSED 10.0.0.1:7443"}
Nov 27 06:00:05 h1 systemd[1]: muster-agent.service: Main process exited, code=exited, status=0/SUCCESS
Nov 27 06:00:05 h1 systemd[1]: muster-agent.service: Main process exited, code=exited, status=7/NOTRUNNING
Nov 27 06:00:07 h1 muster-agent[400]: boom
Nov 27 06:00:07 h1 systemd[1]: muster-agent.service: Main process exited, code=exited, status=9/n/a
`;

test('a process that ended is told by its status and by the error that it wrote', () => {
  assert.equal(lastWordsOf(100, JOURNAL), 'status=1/FAILURE; Error: it cannot be');
  assert.equal(lastWordsOf(200, JOURNAL), 'status=0/SUCCESS; link ended: connect ECONNREFUSED 10.0.0.1:7443');
  // A status without a name of systemd's.
  assert.equal(lastWordsOf(400, JOURNAL), 'status=9; boom');
});

test('where nothing is told of it there are no words', () => {
  assert.equal(lastWordsOf(300, JOURNAL), '');
  assert.equal(lastWordsOf(100, ''), '');
});
