/**
 * Loaded into an agent's process before its own code (--import): kills it with SIGKILL right before or right after the nth commit
 * of its journal, as MUSTER_TEST_KILL_AT says: `before 3`, `after 3`. The product has no such switch; this sits below it.
 */
import { StatementSync } from 'node:sqlite';

const [when = '', nth = ''] = (process.env.MUSTER_TEST_KILL_AT ?? '').split(' ');
const at = Number(nth);
const { run } = StatementSync.prototype;
let commits = 0;

Object.assign(StatementSync.prototype, {
  run(this: StatementSync, ...values: unknown[]): unknown {
    if (this.sourceSQL !== 'COMMIT') return Reflect.apply(run, this, values);
    commits += 1;
    if (commits === at && when === 'before') process.kill(process.pid, 'SIGKILL');
    const result: unknown = Reflect.apply(run, this, values);
    if (commits === at) process.kill(process.pid, 'SIGKILL');
    return result;
  },
});
