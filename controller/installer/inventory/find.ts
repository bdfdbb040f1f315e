import type { Source, TextFile, VariableFile } from './source.ts';

/** What finding the files of an inventory needs of the machine. */
export interface Files {
  isFolder(path: string): Promise<boolean>;
  /** The files below a folder, by their paths from there; none where there is no such folder. */
  filesBelow(folder: string): Promise<string[]>;
  readText(path: string): Promise<string>;
}

/** An inventory and all that Ansible would read with it: a file or a folder, and the `group_vars` and `host_vars` beside it or in it. */
export async function findInventory(path: string, files: Files): Promise<Source> {
  if (await files.isFolder(path)) {
    const within = `${path.replace(/\/+$/, '')}/`;
    const found: TextFile[] = [];
    for (const relative of await files.filesBelow(within))
      if (isPart(relative))
        found.push({ path: within + relative, text: await files.readText(within + relative) });
    return { kind: 'folder', path, files: found, beside: await findBeside(within, files) };
  }
  const text = await files.readText(path);
  return { kind: 'file', path, text, beside: await findBeside(path.replace(/[^/]*$/, ''), files) };
}

/** Hidden files, copies and texts are no part of an inventory that is a folder. Of .ini it is told that they are left aside. */
function isPart(relative: string): boolean {
  if (/^(?:group_vars|host_vars|vars_plugins)\//.test(relative)) return false;
  if (relative.split('/').some((part) => part.startsWith('.'))) return false;
  return !/(?:~|\.(?:pyc|pyo|swp|bak|rpm|md|txt|rst|orig|cfg|retry))$/.test(relative);
}

/** Hidden files and an editor's copies are none. */
async function findBeside(above: string, { filesBelow, readText }: Files): Promise<VariableFile[]> {
  const found: VariableFile[] = [];
  for (const folder of ['group_vars', 'host_vars'] as const)
    for (const relative of await filesBelow(above + folder)) {
      const parts = relative.split('/');
      const name = parts.at(-1) ?? '';
      const counts = parts.length === 1 || /^[^.]*$|\.(?:ya?ml|json)$/.test(name);
      if (!counts || name.endsWith('~') || parts.some((part) => part.startsWith('.'))) continue;
      const path = `${above}${folder}/${relative}`;
      found.push({ folder, relative, path, text: await readText(path) });
    }
  return found;
}
