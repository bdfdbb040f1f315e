import { after } from 'node:test';

/**
 * Loaded into every test process (--import). What a file's tests leave open would keep its process, and with it the
 * whole run, alive for ever: here it is named, and the file fails.
 */
const graceMs = 2_000;

// The process of the runner loads this file as well, and has no tests of its own.
if (process.env.NODE_TEST_CONTEXT?.startsWith('child')) {
  after(() => {
    setTimeout(() => {
      console.error(`left open after the last test: ${process.getActiveResourcesInfo().join(', ')}`);
      process.exit(1);
    }, graceMs).unref();
  });
}
