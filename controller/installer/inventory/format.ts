export type Format = 'list' | 'hosts-yaml' | 'ansible-yaml' | 'ansible-ini';

/** What a file is, from its name and from what is in it; or why it is nothing that can be read here. */
export function formatOf(path: string, text: string): { format: Format } | { problem: string } {
  if (text.startsWith('#!')) return { problem: `a script is not started here; ${AS_LIST}` };
  if (text.startsWith('$ANSIBLE_VAULT'))
    return { problem: 'it is sealed by ansible-vault; decrypt a copy of it' };
  const extension = /\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase() ?? '';
  const lines = text.split(/\r?\n/).filter((line) => !/^\s*(?:[#;].*)?$/.test(line));
  if (/^(?:ya?ml|json)$/.test(extension)) {
    return lines.some((line) => SECTION.test(line)) && !lines.some((line) => KEY.test(line))
      ? {
          problem:
            'expected YAML, as its name says, found lines such as [web]: an INI inventory? Then name it .ini',
        }
      : { format: yamlFormat(text) };
  }
  if (extension === 'ini') return { format: 'ansible-ini' };
  const [first = ''] = lines;
  if (/^(?:---|\{)/.test(first) || KEY.test(first)) return { format: yamlFormat(text) };
  if (lines.some((line) => SECTION.test(line) || /\sansible_\w+\s*=/.test(line)))
    return { format: 'ansible-ini' };
  return { format: 'list' };
}

export const AS_LIST = 'save what "ansible-inventory --list" prints, and give that';

const SECTION = /^\s*\[[^\]:\s]+(?::\w+)?\]\s*(?:#.*)?$/;
const KEY = /^["']?[\w.-]+["']?\s*:(?:\s|$)/;

/** No inventory of Ansible's has a group of these names. */
const OURS = /^(?:\{\s*)?(["']?)(?:hosts|defaults)\1[ \t]*:/m;

const yamlFormat = (text: string): Format => (OURS.test(text) ? 'hosts-yaml' : 'ansible-yaml');
