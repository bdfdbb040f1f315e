/** Small real packages of Debian's kind, made by dpkg-deb. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface DebSpec {
  readonly name: string;
  readonly version: string;
  /** By default `all`. */
  readonly arch?: string;
  /** Lines of the control file besides, as `Depends: lib (= 2)`. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Content by path; what is in a `bin` can be executed. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  readonly conffiles?: readonly string[];
  readonly scripts?: Readonly<Partial<Record<'preinst' | 'postinst' | 'prerm' | 'postrm', string>>>;
}

export interface Deb {
  readonly spec: DebSpec;
  /** On this machine. */
  readonly path: string;
  readonly fileName: string;
  readonly bytes: Buffer;
  /** Its paragraph in an index of packages, without an empty line. */
  readonly paragraph: string;
}

export function makeDeb(folder: string, spec: DebSpec): Deb {
  const { name, version, arch = 'all', fields = {}, files = {}, conffiles = [], scripts = {} } = spec;
  const fileName = `${name}_${version.replace(/^\d+:/, '')}_${arch}.deb`;
  const tree = join(folder, `${fileName}.tree`);
  const write = (path: string, content: string | Buffer, mode = 0o644): void => {
    const full = join(tree, path);
    mkdirSync(dirname(full), { recursive: true, mode: 0o755 });
    writeFileSync(full, content);
    chmodSync(full, mode);
  };
  const size = Math.ceil(Object.values(files).reduce((sum, file) => sum + file.length, 1024) / 1024);
  const control = Object.entries({
    ...{ Package: name, Version: version, Architecture: arch, Priority: 'optional', Section: 'misc' },
    ...{
      Maintainer: 'Muster tests <root@localhost>',
      Description: `${name} of the tests`,
      'Installed-Size': size,
      ...fields,
    },
  })
    .map(([key, value]) => `${key}: ${value}\n`)
    .join('');
  mkdirSync(join(tree, 'DEBIAN'), { recursive: true, mode: 0o755 });
  write('DEBIAN/control', control);
  if (conffiles.length > 0) write('DEBIAN/conffiles', `${conffiles.join('\n')}\n`);
  for (const [script, text] of Object.entries(scripts))
    write(`DEBIAN/${script}`, `#!/bin/sh\nset -e\n${text}\n`, 0o755);
  for (const [path, content] of Object.entries(files))
    write(path, content, /\/s?bin\//.test(path) ? 0o755 : 0o644);
  const path = join(folder, fileName);
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z1', '--build', tree, path], { stdio: 'pipe' });
  const bytes = readFileSync(path);
  const digest = createHash('sha256').update(bytes).digest('hex');
  const about = `Filename: pool/${fileName}\nSize: ${bytes.length}\nSHA256: ${digest}\n`;
  return { spec, path, fileName, bytes, paragraph: `${control}${about}` };
}
