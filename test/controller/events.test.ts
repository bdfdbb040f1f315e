import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Bus, type ControllerEvent, createBus } from '../../controller/events.ts';

const CREATED = { type: 'job-created', jobId: 'a' } as const;
const ENDED = { type: 'job-ended', jobId: 'a' } as const;

function busThatMustNotFail(): Bus {
  return createBus({
    onError: (error) => {
      throw error;
    },
  });
}

describe('the bus', () => {
  it('calls every listener in the order they came, and none after it unsubscribed', () => {
    const bus = busThatMustNotFail();
    const heard: string[] = [];
    const off = bus.on((event) => heard.push(`first ${event.type}`));
    bus.on((event) => heard.push(`second ${event.type}`));
    bus.emit(CREATED);
    off();
    off();
    bus.emit(ENDED);
    assert.deepEqual(heard, ['first job-created', 'second job-created', 'second job-ended']);
  });

  it('gives the error of a listener away and calls the others all the same', () => {
    const errors: [unknown, ControllerEvent][] = [];
    const bus = createBus({ onError: (error, event) => errors.push([error, event]) });
    const broken = new Error('broken');
    const heard: ControllerEvent[] = [];
    bus.on(() => {
      throw broken;
    });
    bus.on((event) => heard.push(event));
    bus.emit(CREATED);
    assert.deepEqual(heard, [CREATED]);
    assert.deepEqual(errors, [[broken, CREATED]]);
  });

  it('does not call a listener that an earlier listener of the same event has ended', () => {
    const bus = busThatMustNotFail();
    const heard: string[] = [];
    bus.on(() => off());
    const off = bus.on((event) => heard.push(event.type));
    bus.emit(CREATED);
    assert.deepEqual(heard, []);
  });

  it('calls a listener that came during an event only from the next event on', () => {
    const bus = busThatMustNotFail();
    const heard: string[] = [];
    const off = bus.on(() => {
      off();
      bus.on((event) => heard.push(event.type));
    });
    bus.emit(CREATED);
    bus.emit(ENDED);
    assert.deepEqual(heard, ['job-ended']);
  });

  it('lets one function listen twice and ends only the subscription that was meant', () => {
    const bus = busThatMustNotFail();
    let calls = 0;
    const listener = (): void => {
      calls += 1;
    };
    bus.on(listener);
    const off = bus.on(listener);
    bus.emit(CREATED);
    off();
    bus.emit(CREATED);
    assert.equal(calls, 3);
  });
});

describe('waitFor', () => {
  it('gives the first event that the predicate accepts, and no earlier one', async () => {
    const bus = busThatMustNotFail();
    bus.emit({ type: 'job-ended', jobId: 'before' });
    const waited = bus.waitFor((event) => event.type === 'job-ended');
    bus.emit(CREATED);
    bus.emit(ENDED);
    bus.emit({ type: 'job-ended', jobId: 'later' });
    assert.equal((await waited).jobId, 'a');
  });

  it('rejects with the reason of the signal, and at once when that was aborted before', async () => {
    const bus = busThatMustNotFail();
    const abort = new AbortController();
    const waited = bus.waitFor(() => true, abort.signal);
    const reason = new Error('given up');
    abort.abort(reason);
    bus.emit(CREATED);
    await assert.rejects(waited, reason);
    await assert.rejects(
      bus.waitFor(() => true, abort.signal),
      reason,
    );
  });

  it('leaves no listener behind, however it ends', async () => {
    const bus = busThatMustNotFail();
    let asked = 0;
    const abort = new AbortController();
    const ended = bus.waitFor(() => {
      asked += 1;
      return true;
    });
    const aborted = bus.waitFor(() => {
      asked += 1;
      return false;
    }, abort.signal);
    const broken = bus.waitFor(() => {
      asked += 1;
      throw new Error('predicate');
    });
    bus.emit(CREATED);
    abort.abort(new Error('given up'));
    await ended;
    await assert.rejects(aborted, /given up/);
    await assert.rejects(broken, /predicate/);
    bus.emit(CREATED);
    assert.equal(asked, 3);
  });
});
