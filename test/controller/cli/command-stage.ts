import type { TestContext } from 'node:test';
import { commandLine } from '../../../controller/cli/command-line.ts';
import { fakeApi, type Handlers, testHome } from './fake-api.ts';
import { type FakeTerminalOptions, fakeTerminal } from './fake-terminal.ts';

/** What the made-up controllers and terminals here take for now. */
export const NOW = Date.UTC(2026, 0, 1);

/** `muster` against a controller that answers as the handlers say. */
export async function stage(
  t: TestContext,
  handlers: Handlers,
  options: Omit<FakeTerminalOptions, 'home'> = {},
) {
  const api = await fakeApi(t, handlers);
  const terminal = fakeTerminal({ home: await testHome(t, api), ...options });
  const muster = (...argv: string[]) => commandLine(argv, terminal);
  const json = () => JSON.parse(terminal.stdout.text());
  return {
    api,
    terminal,
    muster,
    json,
    out: () => terminal.stdout.text(),
    err: () => terminal.stderr.text(),
  };
}
