import { MusterError } from '../../proto/errors.ts';
import { ROLLOUTS } from './migration-rollouts.ts';

/**
 * The way from an empty file to schema.ts, one numbered step after the other. A step that was released is never changed;
 * a change is a new step. `PRAGMA user_version` holds how many were taken.
 *
 * States carry no CHECK on purpose: SQLite cannot change one without building the table again, and the types hold them.
 * Foreign keys are checked at their statement, never at COMMIT: a deferred one would fail the batches of others.
 */
export const MIGRATIONS: readonly string[] = [
  `
  create table meta (
    key text primary key not null,
    value blob not null
  ) strict, without rowid;

  create table trust_documents (
    serial integer primary key,
    document blob not null,
    changes_root integer not null
  ) strict;

  create table agents (
    id text primary key not null,
    name text not null,
    epoch text not null,
    sign_key blob not null,
    box_key blob not null,
    labels text not null default '{}',
    claimed_labels text not null default '{}',
    state text not null,
    facts text,
    facts_digest blob,
    facts_at_ms integer,
    agent_version text,
    hostname text,
    boot_id text,
    session_counter integer not null default 0,
    instance text,
    retired_epoch text,
    renew integer not null default 0,
    enrolled_at_ms integer not null,
    last_seen_at_ms integer,
    removed_at_ms integer,
    report_seq integer not null default 0,
    report_chain blob
  ) strict;
  create unique index agents_name on agents (name) where removed_at_ms is null;

  create table tokens (
    id text primary key not null,
    secret_hash blob not null,
    created_at_ms integer not null,
    expires_at_ms integer not null,
    uses integer not null,
    uses_left integer not null,
    labels text not null default '{}',
    allow_labels text not null default '[]',
    approve text not null,
    name text,
    created_by text not null,
    revoked_at_ms integer
  ) strict, without rowid;

  create table token_grants (
    token_id text not null references tokens (id),
    agent_id text not null references agents (id),
    "grant" blob not null,
    primary key (token_id, agent_id)
  ) strict;

  create table operators (
    id text primary key not null,
    name text not null,
    role text not null,
    token_hash blob not null unique,
    created_at_ms integer not null,
    expires_at_ms integer,
    revoked_at_ms integer,
    last_used_at_ms integer
  ) strict, without rowid;
  create unique index operators_name on operators (name) where revoked_at_ms is null;

  create table jobs (
    id text primary key not null,
    kind text not null,
    title text not null default '',
    reason text,
    created_by text not null,
    created_at_ms integer not null,
    expires_at_ms integer not null,
    timeout_ms integer not null,
    kill_grace_ms integer not null,
    output_cap_bytes integer not null,
    targets_count integer not null,
    open_runs integer not null,
    idempotency_key text,
    request_digest blob not null,
    ended_at_ms integer,
    output_pruned_at_ms integer,
    order_hash blob not null,
    attempts integer not null,
    request text not null
  ) strict;
  create table bundles (
    job_id text primary key not null references jobs (id) on delete cascade,
    key_box blob not null,
    ciphertext blob not null
  ) strict;
  create unique index jobs_idempotency on jobs (created_by, idempotency_key) where idempotency_key is not null;
  create index jobs_created on jobs (created_at_ms, id);
  create index jobs_open on jobs (id) where ended_at_ms is null;

  create table runs (
    job_id text not null references jobs (id) on delete cascade,
    agent_id text not null,
    target_index integer not null,
    agent_name text not null,
    agent_epoch text not null,
    state text not null,
    attempt integer not null default 0,
    reason text,
    code text,
    exit_code integer,
    signal text,
    duration_ms real,
    output_bytes integer not null default 0,
    output_stored integer not null default 0,
    truncated integer not null default 0,
    sent_at_ms integer,
    accepted_at_ms integer,
    started_at_ms integer,
    ended_at_ms integer,
    deadline_at_ms integer,
    cancel_requested integer not null default 0,
    output_position integer not null default 0,
    report_seq integer,
    primary key (job_id, agent_id)
  ) strict;
  create index runs_open_agent on runs (agent_id) where ended_at_ms is null;
  create index runs_open_deadline on runs (deadline_at_ms) where ended_at_ms is null;

  create table run_counts (
    job_id text not null references jobs (id) on delete cascade,
    state text not null,
    runs integer not null,
    primary key (job_id, state)
  ) strict, without rowid;

  create table run_events (
    seq integer primary key autoincrement,
    job_id text not null references jobs (id) on delete cascade,
    agent_id text,
    kind text not null,
    at_ms integer not null,
    state text,
    attempt integer,
    stream text,
    "offset" integer,
    position integer,
    data blob,
    body text
  ) strict;
  create index run_events_job on run_events (job_id);

  create table reports (
    agent_id text not null,
    epoch text not null,
    report_seq integer not null,
    job_id text not null,
    report blob not null,
    signature blob not null,
    verified integer not null default 0,
    primary key (agent_id, epoch, report_seq)
  ) strict;
  create index reports_job on reports (job_id, agent_id);
  create index reports_unverified on reports (agent_id) where verified = 0;

  create table audit (
    seq integer primary key,
    at_ms integer not null,
    actor text not null,
    action text not null,
    entry text not null,
    previous blob not null,
    hash blob not null
  ) strict;

  create table audit_heads (
    seq integer primary key,
    hash blob not null,
    at_ms integer not null,
    controller_key_id text not null,
    signature blob not null
  ) strict;
  `,
  `
  alter table jobs add column retry_of text;
  alter table runs add column turn_at_ms integer;
  alter table runs add column task integer;
  alter table runs add column results text;
  create index runs_waiting on runs (job_id, target_index) where turn_at_ms is null and ended_at_ms is null;
  create table pace (
    job_id text primary key not null references jobs (id) on delete cascade,
    batch integer,
    max_failures integer,
    ttl_ms integer not null,
    waiting integer not null
  ) strict, without rowid;
  `,
  `
  create table contents (
    sha512 text primary key not null,
    length integer not null,
    key_box blob not null,
    state text not null,
    created_at_ms integer not null,
    used_at_ms integer not null
  ) strict, without rowid;
  create index contents_used on contents (used_at_ms);

  create table job_contents (
    job_id text not null references jobs (id) on delete cascade,
    sha512 text not null references contents (sha512),
    primary key (job_id, sha512)
  ) strict, without rowid;
  create index job_contents_sha512 on job_contents (sha512);
  `,
  `
  alter table runs add column word_at_ms integer;
  alter table runs add column away_since_ms integer;
  alter table runs add column gaps text not null default '[]';
  `,
  `
  create index jobs_ended on jobs (ended_at_ms, id) where ended_at_ms is not null;
  create index jobs_output_kept on jobs (ended_at_ms, id) where ended_at_ms is not null and output_pruned_at_ms is null;

  create table usage (
    name text primary key not null,
    bytes integer not null
  ) strict, without rowid;
  insert into usage (name, bytes) values ('output', 0);
  create trigger run_events_output_added after insert on run_events when new.kind = 'output' begin
    update usage set bytes = bytes + length(new.data) where name = 'output';
  end;
  create trigger run_events_output_removed after delete on run_events when old.kind = 'output' begin
    update usage set bytes = bytes - length(old.data) where name = 'output';
  end;
  `,
  `alter table contents add column public_until_ms integer;`,
  `
  create index jobs_uninstall on jobs (id) where kind = 'uninstall';
  `,
  `
  create table run_params (
    job_id text not null references jobs (id) on delete cascade,
    agent_id text not null,
    box blob not null,
    primary key (job_id, agent_id)
  ) strict, without rowid;
  `,
  ROLLOUTS,
  `
  alter table rollout_hosts add column verdict text;
  alter table rollout_hosts add column soak text not null default 'none';
  alter table rollout_waves add column observers text not null default 'none';
  alter table rollout_waves add column controller text not null default 'none';
  `,
];

export interface Migration {
  /** The schema's number once this step was taken. */
  readonly version: number;
  readonly sql: string;
}

/** The steps from schema `version` to the one this binary knows. Throws when the database is ahead of it. */
export function pendingMigrations(version: number, known: readonly string[] = MIGRATIONS): Migration[] {
  if (version > known.length)
    throw new MusterError('newer-schema', `schema ${version}, this one knows ${known.length}`);
  return known.slice(version).map((sql, index) => ({ version: version + index + 1, sql }));
}
