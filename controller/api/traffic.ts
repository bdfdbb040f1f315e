/** Counts of what this door answered, for the metrics page. */

/** Upper bounds of the histogram's buckets, seconds. */
export const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5] as const;

export interface RouteTraffic {
  route: string;
  /** Answers per HTTP status. */
  statuses: Record<number, number>;
  /** Answers per bucket, not summed up; the last is what took longer than every bound. */
  buckets: number[];
  sumSeconds: number;
}

export interface Traffic {
  /** Without seconds, an answer is counted but not measured: a stream takes as long as its reader wants. */
  record(route: string, status: number, seconds?: number): void;
  read(): RouteTraffic[];
}

export function createTraffic(): Traffic {
  const routes = new Map<string, RouteTraffic>();
  return {
    record(route, status, seconds) {
      let row = routes.get(route);
      if (row === undefined) {
        row = { route, statuses: {}, buckets: new Array<number>(BUCKETS.length + 1).fill(0), sumSeconds: 0 };
        routes.set(route, row);
      }
      row.statuses[status] = (row.statuses[status] ?? 0) + 1;
      if (seconds === undefined) return;
      const found = BUCKETS.findIndex((bound) => seconds <= bound);
      const bucket = found < 0 ? BUCKETS.length : found;
      row.buckets[bucket] = (row.buckets[bucket] ?? 0) + 1;
      row.sumSeconds += seconds;
    },
    read: () => [...routes.values()],
  };
}
