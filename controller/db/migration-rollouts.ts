/** The step that brings the tables of rollouts. */
export const ROLLOUTS = `
  create table rollouts (
    id text primary key not null,
    name text not null,
    kind text not null,
    title text not null,
    note text,
    state text not null,
    reason text,
    created_by text not null,
    created_at_ms integer not null,
    expires_at_ms integer not null,
    ended_at_ms integer,
    hosts_count integer not null,
    waves_count integer not null,
    idempotency_key text,
    request_digest blob not null,
    plan_digest text,
    cancels integer not null default 0,
    policy text not null,
    shown text not null,
    changes text
  ) strict;
  create unique index rollouts_key on rollouts (created_by, idempotency_key) where idempotency_key is not null;
  create index rollouts_created on rollouts (created_at_ms, id);
  create index rollouts_open on rollouts (id) where ended_at_ms is null;

  create table rollout_waves (
    rollout_id text not null references rollouts (id) on delete cascade,
    wave integer not null,
    name text not null,
    state text not null,
    reason text,
    gate text not null,
    max_failures integer,
    began_at_ms integer,
    done_at_ms integer,
    soak_until_ms integer,
    approved_by text,
    approved_at_ms integer,
    primary key (rollout_id, wave)
  ) strict, without rowid;

  create table rollout_hosts (
    rollout_id text not null references rollouts (id) on delete cascade,
    agent_id text not null,
    place integer not null,
    agent_name text not null,
    wave integer not null,
    phase text not null,
    step text,
    reason text,
    code text,
    way_back integer not null,
    changed integer,
    rebooted integer not null default 0,
    forgiven integer not null default 0,
    back integer not null default 0,
    began_at_ms integer,
    ended_at_ms integer,
    change_group integer,
    primary key (rollout_id, agent_id)
  ) strict, without rowid;
  create index rollout_hosts_agent on rollout_hosts (agent_id) where ended_at_ms is null;

  create table rollout_jobs (
    rollout_id text not null references rollouts (id) on delete cascade,
    job_id text not null references jobs (id),
    step text not null,
    wave integer,
    primary key (rollout_id, job_id)
  ) strict, without rowid;
  create unique index rollout_jobs_job on rollout_jobs (job_id);

  create table rollout_events (
    seq integer primary key autoincrement,
    rollout_id text not null references rollouts (id) on delete cascade,
    at_ms integer not null,
    what text not null,
    "to" text not null,
    wave integer,
    agent_id text,
    by text,
    reason text
  ) strict;
  create index rollout_events_rollout on rollout_events (rollout_id, seq);
  `;
