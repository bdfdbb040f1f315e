import type { ProcessFigures } from './probe.ts';
import { BUCKETS, type RouteTraffic } from './traffic.ts';
import type { FleetFigures } from './verbs.ts';

/** Everything on the metrics page. */
export interface MetricsSnapshot {
  fleet: FleetFigures;
  process: ProcessFigures;
  traffic: readonly RouteTraffic[];
  streams: number;
}

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** The Prometheus text format 0.0.4 (prometheus.io, "Exposition formats"). */
export function renderMetrics({ fleet, process, traffic, streams }: MetricsSnapshot): string {
  const page: string[] = [];
  const metric = (name: string, type: string, help: string, samples: readonly Sample[]): void => {
    page.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const { suffix = '', labels = {}, value } of samples)
      page.push(`${name}${suffix}${braced(labels)} ${value}`);
  };

  metric(
    'muster_agents',
    'gauge',
    'Agents by state, and whether a session of theirs is open.',
    fleet.agents.map(({ state, online, count }) => ({
      labels: { state, online: String(online) },
      value: count,
    })),
  );
  metric('muster_runs', 'gauge', 'Runs by state.', byKey('state', fleet.runs));
  metric('muster_jobs', 'gauge', 'Jobs by state.', byKey('state', fleet.jobs));
  metric(
    'muster_rollouts',
    'gauge',
    'Rollouts that are not over; `stopped` are those that a failure stopped.',
    [
      { labels: { state: 'open' }, value: fleet.rollouts.open },
      { labels: { state: 'stopped' }, value: fleet.rollouts.stopped },
    ],
  );
  metric('muster_db_commits_total', 'counter', 'Transactions committed.', [{ value: fleet.commits }]);
  metric('muster_store_bytes', 'gauge', 'What the controller keeps.', storedBytes(fleet.storage));
  const { freeBytes } = fleet.storage;
  metric(
    'muster_store_free_bytes',
    'gauge',
    'Room on its disk.',
    freeBytes === null ? [] : [{ value: freeBytes }],
  );
  metric('muster_store_full', 'gauge', '1: new jobs are refused.', [
    { value: fleet.storage.full === null ? 0 : 1 },
  ]);
  metric('muster_api_streams', 'gauge', 'Open streams of events and output.', [{ value: streams }]);
  metric(
    'muster_http_requests_total',
    'counter',
    'Answers of the API by route and HTTP status.',
    traffic.flatMap(({ route, statuses }) =>
      Object.entries(statuses).map(([status, value]) => ({ labels: { route, status }, value })),
    ),
  );
  metric(
    'muster_http_request_duration_seconds',
    'histogram',
    'Time to answer, without streams.',
    traffic.flatMap(histogram),
  );
  metric('process_resident_memory_bytes', 'gauge', 'Resident memory.', [{ value: process.residentBytes }]);
  metric('muster_event_loop_delay_seconds', 'gauge', 'How late timers came since the last reading.', [
    { labels: { quantile: '0.5' }, value: process.loopDelay.p50Ms / 1000 },
    { labels: { quantile: '0.99' }, value: process.loopDelay.p99Ms / 1000 },
    { labels: { quantile: '1' }, value: process.loopDelay.maxMs / 1000 },
  ]);
  return `${page.join('\n')}\n`;
}

function storedBytes(storage: FleetFigures['storage']): Sample[] {
  return [
    { labels: { kind: 'database' }, value: storage.databaseBytes },
    { labels: { kind: 'reusable' }, value: storage.reusableBytes },
    { labels: { kind: 'output' }, value: storage.outputBytes },
    { labels: { kind: 'contents' }, value: storage.contentBytes },
  ];
}

interface Sample {
  suffix?: string;
  labels?: Record<string, string>;
  value: number;
}

const byKey = (label: string, counts: object): Sample[] =>
  Object.entries(counts).map(([key, value]) => ({ labels: { [label]: key }, value }));

/** Buckets are summed up in this format: each counts everything up to its bound. */
function histogram({ route, buckets, sumSeconds }: RouteTraffic): Sample[] {
  const total = buckets.reduce((sum, count) => sum + count, 0);
  if (total === 0) return [];
  let upTo = 0;
  const samples: Sample[] = BUCKETS.map((bound, index) => {
    upTo += buckets[index] ?? 0;
    return { suffix: '_bucket', labels: { route, le: String(bound) }, value: upTo };
  });
  return [
    ...samples,
    { suffix: '_bucket', labels: { route, le: '+Inf' }, value: total },
    { suffix: '_sum', labels: { route }, value: sumSeconds },
    { suffix: '_count', labels: { route }, value: total },
  ];
}

function braced(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const escaped = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
