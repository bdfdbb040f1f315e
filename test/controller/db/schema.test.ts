import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { insertMany, k, type Params, query, sql, statement } from '../../../controller/db/compile.ts';
import { isTaken } from '../../../controller/db/database.ts';
import type { NewRow, Row, Table } from '../../../controller/db/schema.ts';
import { opened } from './fixture.ts';

const bytes = new Uint8Array([1, 2, 3]);

/** One full row of every table: the types demand every column here, the test finds every column of the database. */
const SAMPLES: { readonly [T in Table]: Row<T> } = {
  meta: { key: 'k', value: bytes },
  trust_documents: { serial: 1, document: bytes, changes_root: 1 },
  agents: {
    id: 'a1',
    name: 'web-1',
    epoch: 'e1',
    sign_key: bytes,
    box_key: bytes,
    labels: '{"role":"web"}',
    claimed_labels: '{}',
    state: 'active',
    facts: '{}',
    facts_digest: bytes,
    facts_at_ms: 5,
    agent_version: '0.1.0',
    hostname: 'web-1.example',
    boot_id: 'b',
    session_counter: 3,
    instance: 'i',
    retired_epoch: 'e0',
    renew: 1,
    enrolled_at_ms: 1,
    last_seen_at_ms: 2,
    removed_at_ms: null,
    report_seq: 4,
    report_chain: bytes,
  },
  tokens: {
    id: 't1',
    secret_hash: bytes,
    created_at_ms: 1,
    expires_at_ms: 2,
    uses: 1,
    uses_left: 0,
    labels: '{}',
    allow_labels: '[]',
    approve: 'manual',
    name: 'web-1',
    created_by: 'ada',
    revoked_at_ms: null,
  },
  token_grants: { token_id: 't1', agent_id: 'a1', grant: bytes },
  operators: {
    id: 'o1',
    name: 'ada',
    role: 'admin',
    token_hash: bytes,
    created_at_ms: 1,
    expires_at_ms: 2,
    revoked_at_ms: null,
    last_used_at_ms: 3,
  },
  jobs: {
    id: 'j1',
    kind: 'command',
    title: 'uname -a',
    reason: 'why not',
    created_by: 'ada',
    created_at_ms: 1,
    expires_at_ms: 2,
    timeout_ms: 3,
    kill_grace_ms: 4,
    output_cap_bytes: 5,
    targets_count: 1,
    open_runs: 1,
    idempotency_key: 'once',
    request_digest: bytes,
    ended_at_ms: null,
    output_pruned_at_ms: null,
    order_hash: bytes,
    attempts: 1,
    request: '{}',
    retry_of: 'j0',
  },
  pace: { job_id: 'j1', batch: 10, max_failures: 3, ttl_ms: 15_000, waiting: 5 },
  bundles: { job_id: 'j1', key_box: bytes, ciphertext: bytes },
  run_params: { job_id: 'j1', agent_id: 'a1', box: bytes },
  runs: {
    job_id: 'j1',
    agent_id: 'a1',
    target_index: 0,
    agent_name: 'web-1',
    agent_epoch: 'e1',
    state: 'timed-out',
    attempt: 1,
    reason: 'r',
    code: 'c',
    exit_code: -1,
    signal: 'SIGKILL',
    duration_ms: 1.25,
    output_bytes: 2 ** 40,
    output_stored: 10,
    truncated: 1,
    sent_at_ms: 1,
    accepted_at_ms: 2,
    started_at_ms: 3,
    ended_at_ms: 4,
    deadline_at_ms: 5,
    cancel_requested: 1,
    output_position: 10,
    report_seq: 1,
    turn_at_ms: 6,
    task: 2,
    results: '[]',
    word_at_ms: 7,
    away_since_ms: 8,
    gaps: '[]',
  },
  run_counts: { job_id: 'j1', state: 'running', runs: 1 },
  run_events: {
    seq: 7,
    job_id: 'j1',
    agent_id: 'a1',
    kind: 'output',
    at_ms: 1,
    state: 'running',
    attempt: 1,
    stream: 'stderr',
    offset: 0,
    position: 1,
    data: bytes,
    body: '{}',
  },
  usage: { name: 'a sample', bytes: 3 },
  reports: {
    agent_id: 'a1',
    epoch: 'e1',
    report_seq: 1,
    job_id: 'j1',
    report: bytes,
    signature: bytes,
    verified: 2,
  },
  audit: { seq: 1, at_ms: 1, actor: 'ada', action: 'a', entry: '{}', previous: bytes, hash: bytes },
  audit_heads: { seq: 1, hash: bytes, at_ms: 1, controller_key_id: 'k', signature: bytes },
  contents: {
    ...{ sha512: 's', length: 5, key_box: bytes, state: 'complete', created_at_ms: 1, used_at_ms: 2 },
    public_until_ms: 3,
  },
  job_contents: { job_id: 'j1', sha512: 's' },
  rollouts: {
    ...{ id: 'r1', name: 'patch', kind: 'plan', title: 'plan', note: null, state: 'running', reason: null },
    ...{
      created_by: 'ann',
      created_at_ms: 1,
      expires_at_ms: 2,
      ended_at_ms: null,
      hosts_count: 1,
      waves_count: 1,
    },
    ...{
      idempotency_key: 'k',
      request_digest: bytes,
      plan_digest: 'd',
      cancels: 1,
      policy: '{}',
      shown: '{}',
      changes: '[]',
    },
  },
  rollout_waves: {
    ...{
      rollout_id: 'r1',
      wave: 0,
      name: 'canary',
      state: 'open',
      reason: null,
      gate: '{}',
      max_failures: 1,
    },
    ...{ began_at_ms: 1, done_at_ms: null, soak_until_ms: null, approved_by: null, approved_at_ms: null },
    ...{ observers: 'none', controller: 'none' },
  },
  rollout_hosts: {
    ...{
      rollout_id: 'r1',
      agent_id: 'a1',
      place: 0,
      agent_name: 'web-1',
      wave: 0,
      phase: 'change',
      step: 'change',
    },
    ...{ reason: null, code: null, way_back: 1, changed: null, rebooted: 1, forgiven: 1, back: 1 },
    ...{ verdict: null, soak: 'none' },
    ...{ began_at_ms: 1, ended_at_ms: null, change_group: 0 },
  },
  rollout_jobs: { rollout_id: 'r1', job_id: 'j1', step: 'change', wave: null },
  rollout_events: {
    ...{
      seq: 1,
      rollout_id: 'r1',
      at_ms: 1,
      what: 'host',
      to: 'change',
      wave: 0,
      agent_id: 'a1',
      by: 'ann',
      reason: null,
    },
  },
};

const TABLES = Object.keys(SAMPLES) as Table[];

const tableNames = query(
  () =>
    sql<{
      name: string;
    }>`select name from sqlite_schema where type = 'table' and name not like 'sqlite_%' order by name`,
);
const columnsOf = query(
  (p: Params<{ table: string }>) =>
    sql<{ name: string; type: string }>`select name, type from pragma_table_info(${p('table')})`,
);

const insertSample = (table: Table) =>
  insertMany(table, Object.keys(SAMPLES[table]) as never[])([SAMPLES[table] as never]);

/** In the order of SAMPLES, so that what is referred to is there before. */
const insertSamples = (tables = TABLES) => tables.flatMap(insertSample);

async function refusal(promise: Promise<void>): Promise<unknown> {
  return promise.then(
    () => assert.fail('it was written'),
    (error: unknown) => error,
  );
}

describe('the schema', () => {
  it('has the tables and columns that the types say, and no others', async () => {
    const db = opened();
    const names = (await db.read(tableNames())).map((row) => row.name);
    assert.deepEqual(names, [...TABLES].sort());
    for (const table of TABLES) {
      const columns = (await db.read(columnsOf({ table }))).map((row) => row.name);
      assert.deepEqual(columns.sort(), Object.keys(SAMPLES[table]).sort(), table);
    }
  });

  it('gives every row back as it was written', async () => {
    const db = opened();
    await db.write(insertSamples());
    for (const table of TABLES) {
      const [row] = await db.read(query(() => k.selectFrom(table as 'meta').selectAll())());
      assert.deepEqual({ ...row }, SAMPLES[table], table);
    }
  });

  it('stores nothing of another type than the column has', async () => {
    const db = opened();
    const wrong = statement((p: Params<{ serial: number; document: Uint8Array; flag: number }>) =>
      k
        .insertInto('trust_documents')
        .values({ serial: p('serial'), document: p('document'), changes_root: p('flag') as 0 | 1 }),
    );
    const error = await refusal(db.write([wrong({ serial: 1, document: bytes, flag: 0.5 })]));
    assert.match(String(error), /constraint/);
  });
});

describe('what is taken once', () => {
  const addAgent = insertMany('agents', [
    'id',
    'name',
    'epoch',
    'sign_key',
    'box_key',
    'state',
    'enrolled_at_ms',
  ]);
  const agent = (id: string, name: string) =>
    ({ id, name, epoch: 'e', sign_key: bytes, box_key: bytes, state: 'active', enrolled_at_ms: 1 }) as const;
  const remove = statement((p: Params<{ id: string }>) =>
    k.updateTable('agents').set({ state: 'removed', removed_at_ms: 9 }).where('id', '=', p('id')),
  );

  it('is the name of an agent, until that agent is removed', async () => {
    const db = opened();
    await db.write(addAgent([agent('a', 'web-1')]));
    const error = await refusal(db.write(addAgent([agent('b', 'web-1')])));
    assert.ok(isTaken(error, 'agents.name'), String(error));
    assert.ok(!isTaken(error, 'agents.id'));
    await db.write([remove({ id: 'a' }), ...addAgent([agent('b', 'web-1')])]);
  });

  it('is the idempotency key of a job for each who asks, and nothing where there is none', async () => {
    const db = opened();
    const insertJob = insertMany('jobs', Object.keys(SAMPLES.jobs) as (keyof NewRow<'jobs'>)[]);
    const job = (id: string, created_by: string, idempotency_key: string | null) => ({
      ...SAMPLES.jobs,
      id,
      created_by,
      idempotency_key,
    });
    await db.write(insertJob([job('1', 'ada', 'k'), job('2', 'bob', 'k'), job('3', 'ada', null)]));
    await db.write(insertJob([job('4', 'ada', null)]));
    const error = await refusal(db.write(insertJob([job('5', 'ada', 'k')])));
    assert.ok(isTaken(error, 'jobs.idempotency_key'), String(error));
  });

  it('is the sequence number of an event, also after the newest events were deleted', async () => {
    const db = opened();
    await db.write(insertSamples(['jobs', 'run_events']));
    await db.write([statement(() => k.deleteFrom('run_events'))()]);
    await db.write(
      insertMany('run_events', ['job_id', 'kind', 'at_ms'])([{ job_id: 'j1', kind: 'job', at_ms: 1 }]),
    );
    const [row] = await db.read(query(() => k.selectFrom('run_events').select('seq'))());
    assert.equal(row?.seq, SAMPLES.run_events.seq + 1);
  });
});

describe('indexes of what is open', () => {
  const planOf = async (text: string): Promise<string> => {
    const db = opened();
    const rows = await db.read(
      query(() => sql<{ detail: string }>`${sql.raw(`explain query plan ${text}`)}`)(),
    );
    return rows.map((row) => row.detail).join('; ');
  };

  it('serve the queries of a run: by agent, by deadline, and the events of a job after a cursor', async () => {
    assert.match(
      await planOf('select 1 from runs where agent_id = ? and ended_at_ms is null'),
      /using (covering )?index runs_open_agent/i,
    );
    assert.match(
      await planOf(
        'select 1 from runs where ended_at_ms is null and deadline_at_ms <= ? order by deadline_at_ms',
      ),
      /^search runs using (covering )?index runs_open_deadline[^;]*$/i,
    );
    assert.match(
      await planOf('select * from run_events where job_id = ? and seq > ? order by seq limit 10'),
      /^search run_events using index run_events_job \(job_id=\? and rowid>\?\)$/i,
    );
  });
});
