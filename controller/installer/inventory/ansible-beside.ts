import type { Inventory, Variables } from './ansible.ts';
import { readVariables } from './ansible-yaml.ts';
import type { Findings } from './findings.ts';
import type { VariableFile } from './source.ts';

/** Variables of groups and hosts from the folders beside an inventory, where most sites keep them. */
export interface Beside {
  readonly groups: ReadonlyMap<string, Variables>;
  readonly hosts: ReadonlyMap<string, Variables>;
}

/**
 * `group_vars/web`, `group_vars/web.yml`, `group_vars/web/users.yml`, and the same of `host_vars`; the first of these that is there counts, as for
 * Ansible. Files of groups and hosts that the inventory does not have are not looked into.
 */
export function readBeside(files: readonly VariableFile[], inventory: Inventory, findings: Findings): Beside {
  const read = (folder: VariableFile['folder'], names: Iterable<string>): Map<string, Variables> => {
    const byName = new Map<string, VariableFile[]>();
    for (const file of files) {
      const [first = ''] = file.relative.split('/');
      if (file.folder === folder) byName.set(first, [...(byName.get(first) ?? []), file]);
    }
    const found = new Map<string, Variables>();
    for (const name of names) {
      const of =
        ['', '.yml', '.yaml', '.json'].map((ending) => byName.get(name + ending)).find(Boolean) ?? [];
      for (const { path, text } of of) {
        const variables = found.get(name) ?? new Map();
        found.set(name, variables);
        for (const [key, value] of readVariables(text, path, findings)) variables.set(key, value);
      }
    }
    return found;
  };
  return {
    groups: read('group_vars', inventory.groups.keys()),
    hosts: read('host_vars', inventory.hosts.keys()),
  };
}
