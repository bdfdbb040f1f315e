/** What programs did, written down by themselves: outside of every state that the product keeps. */
export interface Performance {
  readonly host: string;
  readonly token: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly index: number;
  readonly bootId: string;
  readonly startedMs: number;
  /** In the order in which it was written, both streams. */
  readonly written: Uint8Array[];
  /** How the program ended; undefined while it runs, or when its machine went down. */
  end: { readonly exitCode?: number; readonly signal?: string; readonly atMs: number } | undefined;
  /** Its machine lost power, or what watches it was killed: nobody saw the end. */
  unseen: boolean;
}

export interface Oracle {
  readonly performances: readonly Performance[];
  begin(performance: Performance): void;
  of(host: string, jobId: string): readonly Performance[];
}

export function createOracle(onStart: (performance: Performance) => void): Oracle {
  const performances: Performance[] = [];
  const byRun = new Map<string, Performance[]>();
  return {
    performances,
    begin(performance) {
      performances.push(performance);
      const key = `${performance.host}/${performance.jobId}`;
      const known = byRun.get(key);
      if (known) known.push(performance);
      else byRun.set(key, [performance]);
      onStart(performance);
    },
    of: (host, jobId) => byRun.get(`${host}/${jobId}`) ?? [],
  };
}
