import type { Document, Path, Problem } from './document.ts';

/** A part of a document against a shape, with the line of everything that is wrong. Pure. */
export type Checked<T> = { value: T } | { problems: Problem[] };

/** What is used of zod's schemas. */
export interface Schema<T> {
  safeParse(value: unknown):
    | { success: true; data: T }
    | {
        success: false;
        error: { issues: { code: string; path: PropertyKey[]; message: string; keys?: string[] }[] };
      };
}

export function check<T>(schema: Schema<T>, document: Document, value: unknown, path: Path): Checked<T> {
  const result = schema.safeParse(value);
  if (result.success) return { value: result.data };
  return {
    problems: result.error.issues.flatMap((issue) => {
      const at = [...path, ...(issue.path as Path)];
      if (issue.code === 'unrecognized_keys')
        return (issue.keys ?? []).map((key) => problemAt(document, [...at, key], issue.message));
      return [problemAt(document, at, issue.message)];
    }),
  };
}

export function problemAt(document: Document, path: Path, message: string): Problem {
  return { line: document.lineOf(path), path: pathText(path), message };
}

/** `tasks[2].file.mode`. */
export function pathText(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[a-z_][\w-]*$/i.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** What stands there instead of what was expected. */
export function describe(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
    case 'number':
      return `the number ${value}; a text is put in quotes`;
    case 'boolean':
      return `${value}; a text is put in quotes`;
    default:
      return 'a map';
  }
}
