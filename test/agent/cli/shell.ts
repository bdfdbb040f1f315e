import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { commandLine } from '../../../agent/cli/command-line.ts';
import type { Surroundings } from '../../../agent/cli/surroundings.ts';
import { encodeToken } from '../../../certs/enrolment.ts';
import { keyId } from '../../../proto/frame.ts';
import { type FakeController, fakeController } from '../../support/fake-controller.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

/** `muster-agent` in this process, against a fake controller; its home is a folder of the test's. */
export interface Shell {
  readonly home: string;
  readonly folder: string;
  readonly controller: FakeController;
  readonly token: string;
  out: string;
  notes: string;
  stdin: string;
  answer: string | undefined;
  hostname: string;
  /** Beside the home. */
  env: Record<string, string>;
  run(...argv: string[]): Promise<number>;
}

export function shell(t: TestContext): Shell {
  const folder = temporaryFolder(t);
  const clock = virtualClock();
  const random = seededRandom('command line');
  const controller = fakeController({ clock, random });
  const home = join(folder, 'home');
  const token = encodeToken({
    secret: random(32),
    fleetId: controller.fleetId,
    rootKeyId: keyId('root', controller.root.publicKey),
    urls: ['https://gone.test:7443', 'https://controller.test:7443'],
  });
  writeFileSync(join(folder, 'token'), `${token}\n`);
  const it: Shell = {
    home,
    folder,
    controller,
    token,
    out: '',
    notes: '',
    stdin: '',
    answer: undefined,
    hostname: 'Web-01.Example.org',
    env: {},
    async run(...argv) {
      it.out = '';
      it.notes = '';
      const around: Surroundings = {
        env: { MUSTER_AGENT_HOME: home, ...it.env },
        clock,
        random,
        dialVia: () => controller.dial,
        stdinIsTerminal: it.answer !== undefined,
        readStdin: async () => it.stdin,
        readFile: (path) => readFileSync(path, 'utf8'),
        ask: async () => it.answer ?? '',
        print: (text) => {
          it.out += text;
        },
        note: (text) => {
          it.notes += text;
        },
        columns: 80,
        hostname: () => it.hostname,
        machineId: () => 'ab'.repeat(16),
        onStop: () => {},
        endWithin: () => {},
      };
      const status = commandLine(argv, around);
      await clock.settle();
      return status;
    },
  };
  return it;
}

export const joinArgs = (at: Shell, ...more: string[]) => [
  'join',
  '--token-file',
  join(at.folder, 'token'),
  ...more,
];
