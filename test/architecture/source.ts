import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

/** A file of the project; `path` is relative to its root. */
export interface Source {
  path: string;
  text: string;
}

export interface Import {
  specifier: string;
  /** The project's file that a relative specifier names. */
  file?: string;
  /** `lazy`: import(), run when it is reached. `type`: gone at run time. */
  kind: 'value' | 'type' | 'lazy';
}

export const SOURCE_FOLDERS = ['proto', 'certs', 'controller', 'agent'];

/** Every TypeScript file of the source and the tests; a folder that is not there is empty. */
export function readSources(root: string): Source[] {
  return [...SOURCE_FOLDERS, 'test'].flatMap((folder) => {
    let names: string[];
    try {
      names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
    } catch {
      return [];
    }
    return names
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
      .map((name) => posix.join(folder, name))
      .sort()
      .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
  });
}

// One token that is not plain code: comment, string, template (without looking into its holes), regular expression.
// What may stand before a regular expression's slash tells it from a division.
const opaque = new RegExp(
  [
    String.raw`(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)`,
    String.raw`(?<string>'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"|` +
      '`(?:[^`\\\\]|\\\\[\\s\\S])*`)',
    String.raw`(?<=(?:^|[(,=:[!&|?{};+\-*%~^<>]|\breturn|\bcase|=>)\s*)(?<regexp>\/(?![*/])(?:[^\\/\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*)`,
  ].join('|'),
  'g',
);

const blank = (text: string): string => text.replace(/[^\n]/g, ' ');

/**
 * The text without what is in comments, strings and regular expressions: blanked, so that all else stays where it is.
 * Strings keep their quotes.
 */
export function codeOf(text: string): string {
  return text.replace(opaque, (match, _comment, string) =>
    string === undefined ? blank(match) : match[0] + blank(match.slice(1, -1)) + match.at(-1),
  );
}

const quoted = String.raw`(?<quote>['"])(?<specifier>[ ]+)\k<quote>`;
const statement = new RegExp(
  String.raw`^[ \t]*(?:import\b|(?:import|export)\b(?<clause>[^'"\x60;()=]*?)\bfrom)\s*${quoted}`,
  'dgm',
);
// import('x').Name is a type, and so is typeof import('x').
const call = new RegExp(
  String.raw`(?<type>\btypeof\s+)?\b(?:import|require)\s*\(\s*${quoted}\s*[,)](?<member>\s*\.\s*[A-Z])?`,
  'dg',
);

export function importsOf({ path, text }: Source): Import[] {
  const code = codeOf(text);
  const made = (found: RegExpMatchArray, kind: Import['kind']): Import => {
    const specifier = text.slice(...(found.indices?.groups?.specifier ?? [0, 0]));
    const file = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined;
    return { specifier, kind, ...(file === undefined ? {} : { file }) };
  };
  return [
    ...[...code.matchAll(statement)].map((found) =>
      made(found, /^\s+type\s+[\w{*]/.test(found.groups?.clause ?? '') ? 'type' : 'value'),
    ),
    ...[...code.matchAll(call)].map((found) =>
      made(found, found.groups?.type || found.groups?.member ? 'type' : 'lazy'),
    ),
  ];
}

/** `node:fs/promises` -> `node:fs`, `protobufjs/minimal.js` -> `protobufjs`, `@a/b/c` -> `@a/b`. */
export function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}
