/** The packages of the tests: for each way in which an upgrade can go, one with the versions that go it. */
import { temporaryFolder } from '../../support/folder.ts';
import { type Deb, type DebSpec, makeDeb } from './deb.ts';

const program = (name: string, version: string, health = 'exit 0') => ({
  [`/usr/bin/${name}`]: `#!/bin/sh\ncase $1 in health) ${health} ;; *) echo ${version} ;; esac\n`,
});
const plain = (name: string, version: string, more: Partial<DebSpec> = {}): DebSpec => ({
  name,
  version,
  files: program(name, version),
  ...more,
});

const SPECS: readonly DebSpec[] = [
  // 1 → 2 is fine; 3 installs, and its `app health` fails: a probe of it does not hold.
  plain('app', '1'),
  plain('app', '2', { scripts: { postinst: 'echo "app 2 is set up"' } }),
  plain('app', '3', { files: program('app', '3', 'exit 1') }),
  // The one brings the other along; 2 of `web` also needs something new.
  plain('lib', '1'),
  plain('lib', '2'),
  plain('web', '1', { fields: { Depends: 'lib (= 1)' } }),
  plain('web', '2', { fields: { Depends: 'lib (= 2), web-data' } }),
  plain('web-data', '1'),
  // Takes the place of `old-part`, which is removed.
  plain('whole', '1'),
  plain('whole', '2', {
    fields: { Conflicts: 'old-part', Replaces: 'old-part', Provides: 'old-part' },
  }),
  plain('old-part', '1', {
    files: { '/etc/old-part.conf': 'of old-part\n' },
    conffiles: ['/etc/old-part.conf'],
  }),
  // 2 cannot be installed beside `app`.
  plain('rival', '1'),
  plain('rival', '2', { fields: { Conflicts: 'app' } }),
  // Its configuration file is another one in 2.
  ...['1', '2'].map((version) =>
    plain('settings', version, {
      files: { '/etc/settings.conf': `of ${version}\n` },
      conffiles: ['/etc/settings.conf'],
    }),
  ),
  // 2 does not come to its end.
  plain('fragile', '1'),
  plain('fragile', '2', { scripts: { postinst: 'echo "fragile cannot go on" >&2; exit 7' } }),
  plain('pinned', '1'),
  plain('pinned', '2'),
  // Only 2 is in the repository.
  plain('gone', '1'),
  plain('gone', '2'),
  // An update of the security suite.
  plain('exposed', '1'),
  plain('exposed', '1+deb12u1'),
  // 2 says that it is being set up, and waits until it is let go, or for half a minute.
  plain('slow', '1'),
  plain('slow', '2', {
    scripts: {
      postinst:
        'touch /run/slow-begun; n=0; while [ ! -e /run/slow-go ] && [ $n -lt 300 ]; do sleep 0.1; n=$((n + 1)); done; echo "slow is set up"',
    },
  }),
  // Large enough to break off in, and to fill a small disk.
  ...['1', '2'].map((version) =>
    plain('bulky', version, { files: { '/usr/share/bulky': noise(4 * 1024 * 1024, Number(version)) } }),
  ),
  // One that is newer than what waits for no file of an older kernel: it wants a boot.
  plain('linux-image-test', '1'),
  plain('linux-image-test', '2', {
    scripts: { postinst: 'touch /run/reboot-required; echo linux-image-test >>/run/reboot-required.pkgs' },
  }),
  // Named by nobody yet: for tasks that install.
  plain('extra', '1'),
  plain('extra', '2'),
];

/** What gzip makes no smaller, and is the same every time. */
function noise(bytes: number, seed: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  let state = seed * 2654435761;
  for (let at = 0; at < bytes; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    buffer[at] = state >>> 24;
  }
  return buffer;
}

export interface Catalogue {
  /** One package of the catalogue; made when it is asked for the first time. */
  deb(name: string, version: string): Deb;
  all(version: string, ...names: readonly string[]): Deb[];
}

export function makeCatalogue(t: { after(fn: () => void): void }): Catalogue {
  const folder = temporaryFolder(t);
  const made = new Map<string, Deb>();
  const catalogue: Catalogue = {
    deb(name, version) {
      const key = `${name} ${version}`;
      const found = made.get(key);
      if (found) return found;
      const spec = SPECS.find((one) => one.name === name && one.version === version);
      if (!spec) throw new Error(`the catalogue has no ${key}`);
      const deb = makeDeb(folder, spec);
      made.set(key, deb);
      return deb;
    },
    all: (version, ...names) => names.map((name) => catalogue.deb(name, version)),
  };
  return catalogue;
}
