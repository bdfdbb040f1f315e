/** A repository of rpm's kind in a folder, with its archives made by the tests. */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../support/folder.ts';

export interface Rpm {
  readonly name: string;
  readonly version: string;
  /** Lines of the spec's head. */
  readonly head?: string;
  /** Scripts and the like. */
  readonly body?: string;
  /** A file of settings with this in it, which stays where it was changed unless `isReplaced`. */
  readonly settings?: string;
  readonly isReplaced?: boolean;
  /** Of one that is not for all of them; its archive has it in its name. */
  readonly arch?: string;
}

export interface Mend {
  readonly id: string;
  readonly name: string;
  readonly version: string;
}

/** A folder of archives, and its lists. */
export function rpmRepository(t: { after(fn: () => unknown): void }) {
  const folder = temporaryFolder(t);
  const top = temporaryFolder(t);
  const pathOf = (name: string, version: string) => join(folder, `${name}-${version}.rpm`);
  return {
    folder,
    add(...rpms: readonly Rpm[]): void {
      for (const rpm of rpms) {
        writeFileSync(join(top, 'a.spec'), specOf(rpm));
        const [target, suffix] = rpm.arch === undefined ? ['noarch', ''] : [rpm.arch, `.${rpm.arch}`];
        const named = `_rpmfilename %%{NAME}-%%{VERSION}${suffix}.rpm`;
        const words = [`_topdir ${top}`, `_rpmdir ${folder}`, named].flatMap((one) => ['--define', one]);
        const argv = ['-bb', '--quiet', '--target', target, ...words, join(top, 'a.spec')];
        execFileSync('rpmbuild', argv, { stdio: 'pipe' });
      }
    },
    remove: (name: string, version: string) => rmSync(pathOf(name, version)),
    publish(mends: readonly Mend[] = []): void {
      execFileSync('createrepo_c', ['-q', folder]);
      const info = join(top, 'updateinfo.xml');
      writeFileSync(info, `<updates>${mends.map(mendXml).join('')}</updates>`);
      execFileSync('modifyrepo_c', [info, join(folder, 'repodata')], { stdio: 'pipe' });
    },
  };
}

function specOf({ name, version, head = '', body = '', settings, isReplaced, arch }: Rpm): string {
  const file = `/etc/${name}.conf`;
  return `Name: ${name}
Version: ${version}
Release: 1
Summary: x
License: MIT
${arch === undefined ? 'BuildArch: noarch' : ''}
${head}
%description
x
%install
mkdir -p %{buildroot}/usr/share/fixture %{buildroot}/etc
echo ${version} > %{buildroot}/usr/share/fixture/${name}-${version}
${settings === undefined ? '' : `echo ${settings} > %{buildroot}${file}`}
${body}
%files
/usr/share/fixture/${name}-${version}
${settings === undefined ? '' : `%config${isReplaced ? '' : '(noreplace)'} ${file}`}
`;
}

function mendXml({ id, name, version }: Mend): string {
  return `<update from="a@example.org" status="stable" type="security" version="1"><id>${id}</id><title>x</title>
<severity>important</severity><issued date="2026-01-01"/><description>x</description><pkglist><collection short="x"><name>x</name>
<package name="${name}" version="${version}" release="1" epoch="0" arch="noarch"><filename>${name}-${version}.rpm</filename></package>
</collection></pkglist></update>`;
}

/** `app 2` of each that is installed there. */
export async function rpmVersions(
  { run }: { run(argv: readonly string[]): Promise<string> },
  ...names: string[]
): Promise<string[]> {
  const asked = await run(['rpm', '-qa', '--queryformat', '%{NAME} %{VERSION}\\n', ...names]);
  return asked
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}
