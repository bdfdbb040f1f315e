/**
 * Pure: the metadata by which dnf takes kept archives for a repository. A transaction that goes back is resolved as strictly as any other
 * then, and needs nothing of createrepo(1) on the host. What is wrong or left out here makes a transaction fail, and never a wrong one:
 * rpm checks each archive's own header.
 */
import { parseEvr } from './nevra.ts';

/** For rpm -qp --queryformat: one record, whose fields begin with a letter each; PARSED by parseArchives. */
export const ARCHIVE_FORMAT = [
  'N\\t%{NAME}\\t%{ARCH}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\t%{BUILDTIME}\\t%{SIZE}\\n',
  ...(['PROVIDE', 'REQUIRE', 'CONFLICT', 'OBSOLETE'] as const).map(
    (kind) => `[${kind}\\t%{${kind}NAME}\\t%{${kind}FLAGS:depflags}\\t%{${kind}VERSION}\\n]`,
  ),
  '[FILE\\t%{FILENAMES}\\n]',
].join('');

type DependencyKind = 'PROVIDE' | 'REQUIRE' | 'CONFLICT' | 'OBSOLETE';

interface Dependency {
  readonly kind: DependencyKind;
  readonly name: string;
  readonly flags: string;
  readonly version: string;
}

export interface Archive {
  readonly name: string;
  readonly arch: string;
  /** `epoch:version-release`, the epoch always. */
  readonly evr: string;
  readonly buildTime: string;
  readonly installedBytes: string;
  readonly dependencies: readonly Dependency[];
  readonly files: readonly string[];
}

/** Where it is and what is in it. */
export interface KeptArchive extends Archive {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

const KINDS: Readonly<Record<DependencyKind, string>> = {
  PROVIDE: 'provides',
  REQUIRE: 'requires',
  CONFLICT: 'conflicts',
  OBSOLETE: 'obsoletes',
};
const FLAGS: Readonly<Record<string, string>> = { '=': 'EQ', '<': 'LT', '>': 'GT', '<=': 'LE', '>=': 'GE' };
/** What metadata lists so that others may need it by its path. */
const NEEDED_BY_PATH = /^\/etc\/|\/s?bin\/|^\/usr\/lib\/sendmail$/;

/** Of the archives in the order in which rpm was asked for them. */
export function parseArchives(text: string): Archive[] {
  const archives: (Archive & { dependencies: Dependency[]; files: string[] })[] = [];
  for (const line of text.split('\n')) {
    const [letter, ...fields] = line.split('\t');
    if (letter === 'N') {
      const [name = '', arch = '', evr = '', buildTime = '', installedBytes = ''] = fields;
      archives.push({ name, arch, evr, buildTime, installedBytes, dependencies: [], files: [] });
    } else if (letter === 'FILE') archives.at(-1)?.files.push(fields[0] ?? '');
    else if (isDependencyKind(letter)) {
      const [name = '', flags = '', version = ''] = fields;
      archives.at(-1)?.dependencies.push({ kind: letter, name, flags: flags.trim(), version });
    }
  }
  return archives;
}

function isDependencyKind(letter: string | undefined): letter is DependencyKind {
  return letter !== undefined && Object.hasOwn(KINDS, letter);
}

/** The list of a repository's packages. */
export function primaryXml(archives: readonly KeptArchive[]): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="${archives.length}">`,
    ...archives.map(packageXml),
    '</metadata>\n',
  ].join('\n');
}

function packageXml(archive: KeptArchive): string {
  const { name, arch, evr, sha256, bytes, buildTime, installedBytes, path } = archive;
  const at = path.lastIndexOf('/');
  const [folder, file] = [path.slice(0, at), path.slice(at + 1)];
  // dnf takes what is on this machine by the path as it is written here: an epoch's colon (%3a in a kept name) and a + stay as they are.
  const groups = (Object.keys(KINDS) as DependencyKind[]).map((kind) => {
    const entries = archive.dependencies.filter(
      (one) => one.kind === kind && !one.name.startsWith('rpmlib('),
    );
    const tag = `rpm:${KINDS[kind]}`;
    return entries.length === 0 ? '' : `<${tag}>${entries.map(entryXml).join('')}</${tag}>`;
  });
  const files = archive.files.filter((one) => NEEDED_BY_PATH.test(one));
  return [
    `<package type="rpm"><name>${escaped(name)}</name><arch>${escaped(arch)}</arch><version ${evrXml(evr)}/>`,
    `<checksum type="sha256" pkgid="YES">${sha256}</checksum><summary/><description/><packager/><url/>`,
    `<time file="${escaped(buildTime)}" build="${escaped(buildTime)}"/>`,
    `<size package="${bytes}" installed="${escaped(installedBytes)}" archive="0"/>`,
    `<location xml:base="file://${escaped(encodeURI(folder))}" href="${escaped(file)}"/>`,
    `<format>${groups.join('')}${files.map((one) => `<file>${escaped(one)}</file>`).join('')}</format></package>`,
  ].join('');
}

function entryXml({ name, flags, version }: Dependency): string {
  const flag = FLAGS[flags];
  return `<rpm:entry name="${escaped(name)}"${flag === undefined ? '' : ` flags="${flag}" ${evrXml(version)}`}/>`;
}

function evrXml(text: string): string {
  const { epoch, version, release } = parseEvr(text);
  const rel = release === '' ? '' : ` rel="${escaped(release)}"`;
  return `epoch="${epoch}" ver="${escaped(version)}"${rel}`;
}

/** The list of a repository's lists. `revision` differs whenever the packages do. */
export function repomdXml(primarySha256: string, primaryBytes: number, revision: string): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">',
    `<revision>${escaped(revision)}</revision>`,
    `<data type="primary"><checksum type="sha256">${primarySha256}</checksum><open-checksum type="sha256">${primarySha256}</open-checksum>`,
    `<location href="repodata/primary.xml"/><timestamp>0</timestamp><size>${primaryBytes}</size><open-size>${primaryBytes}</open-size></data>`,
    '</repomd>\n',
  ].join('\n');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? '');
}
