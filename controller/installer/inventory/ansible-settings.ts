import { quoted } from '../../targeting/problem.ts';
import type { HostEntry } from '../host.ts';
import { hostProblem, portOf, userProblem } from './address.ts';
import type { Variable, Variables } from './ansible.ts';
import { readSshArguments } from './ansible-ssh-arguments.ts';
import type { Findings } from './findings.ts';

type Settings = Pick<HostEntry, 'host' | 'port' | 'user' | 'identityFiles' | 'proxyJump' | 'sudo'>;
type Read<T> = { readonly value: T } | { readonly problem: string };

/**
 * What Ansible's variables say of the way to a host. Undefined: it is none for SSH, or something is wrong; either was told.
 * Where an older spelling (`ansible_ssh_host`) and the new one are both set, Ansible's own ssh connection takes the older.
 */
export function settingsOf(
  host: string,
  variables: Variables,
  findings: Findings,
  from: string,
): Settings | undefined {
  const connection = variables.get('ansible_connection');
  if (connection !== undefined && !SSH.has(connection.text?.toLowerCase() ?? '')) {
    const shown = connection.text === undefined ? 'a secret' : quoted(connection.text);
    findings.note(
      `${from} (${quoted(host)})`,
      `left out, not reached by SSH: ansible_connection is ${shown}`,
    );
    return undefined;
  }
  for (const [name, variable] of variables)
    if (SECRETS.has(name))
      findings.note(
        variable.from,
        `${name} is not taken: passwords are asked for (--ask-password, --ask-sudo-password)`,
      );

  let good = true;
  const refuse = (from: string, message: string): void => {
    good = false;
    findings.problem(from, message, host);
  };
  const read = <T>(names: readonly string[], parse: (text: string) => Read<T>): T | undefined => {
    const name = names.find((one) => variables.has(one));
    const variable = name === undefined ? undefined : variables.get(name);
    if (variable === undefined) return undefined;
    const text = plainText(variable, host, variables);
    const result = 'problem' in text ? text : parse(text.value);
    if ('value' in result) return result.value;
    refuse(variable.from, `${name}: ${result.problem}`);
    return undefined;
  };

  const identity = read(['ansible_ssh_private_key_file', 'ansible_private_key_file'], asText);
  const settings = {
    host: read(['ansible_ssh_host', 'ansible_host'], (text) => checked(text, hostProblem(text))) ?? host,
    port: read(['ansible_ssh_port', 'ansible_port'], asPort),
    user: read(['ansible_ssh_user', 'ansible_user'], (text) => checked(text, userProblem(text))),
    sudo: read(['ansible_become'], asBoolean),
  };
  if (settings.sudo) {
    read(['ansible_become_method'], (text) => only('sudo', text, 'no other way is known here'));
    read(['ansible_become_user'], (text) => only('root', text, 'an agent runs as root'));
  }
  const ssh = readSshArguments((name) => read([name], asText), refuse, findings.note, variables);
  if (!good) return undefined;
  return {
    ...settings,
    identityFiles: [...(identity === undefined ? [] : [identity]), ...ssh.identityFiles],
    proxyJump: ssh.proxyJump,
  };
}

const SSH: ReadonlySet<string> = new Set([
  ...['ssh', 'smart', 'paramiko', 'paramiko_ssh', 'ansible.builtin.ssh', 'ansible.builtin.paramiko_ssh'],
]);

const SECRETS: ReadonlySet<string> = new Set([
  ...['ansible_password', 'ansible_ssh_pass', 'ansible_ssh_password', 'ansible_pass'],
  ...['ansible_become_password', 'ansible_become_pass', 'ansible_sudo_pass', 'ansible_sudo_password'],
  ...['ansible_su_pass', 'ansible_ssh_private_key_passphrase', 'ansible_private_key_passphrase'],
]);

/** Of templates only names of variables are understood: the host's own, and those with a plain value. */
function plainText({ text }: Variable, host: string, variables: Variables, depth = 0): Read<string> {
  if (text === undefined) return { problem: 'expected a plain value, found a sealed one, a list or a map' };
  const unknown = {
    problem: 'a template that is more than the name of a variable is not evaluated here; write its value',
  };
  let failed = depth > MOST_TEMPLATES;
  const filled = text.replace(/\{\{\s*([A-Za-z_]\w*)\s*\}\}/g, (_, name: string) => {
    if (name === 'inventory_hostname') return host;
    if (name === 'inventory_hostname_short') return host.split('.')[0] ?? '';
    const variable = failed ? undefined : variables.get(name);
    const value = variable && plainText(variable, host, variables, depth + 1);
    if (value && 'value' in value) return value.value;
    failed = true;
    return '';
  });
  return failed || /\{\{|\{%/.test(filled) ? unknown : { value: filled };
}

const MOST_TEMPLATES = 5;

const asText = (text: string): Read<string> =>
  checked(
    text,
    text === '' ? 'it is empty' : /\p{Cc}/u.test(text) ? 'it has a control character' : undefined,
  );

const checked = (value: string, problem: string | undefined): Read<string> =>
  problem === undefined ? { value } : { problem };

function asPort(text: string): Read<number> {
  const value = portOf(text);
  return value === undefined
    ? { problem: `expected a port from 1 to 65535, found ${quoted(text)}` }
    : { value };
}

/** As Ansible takes them. */
function asBoolean(text: string): Read<boolean> {
  if (/^(?:y|yes|on|1|true|t|1\.0)$/i.test(text)) return { value: true };
  if (/^(?:n|no|off|0|false|f|0\.0)$/i.test(text)) return { value: false };
  return { problem: `expected yes or no, found ${quoted(text)}` };
}

const only = (wanted: string, text: string, why: string): Read<string> =>
  text === wanted ? { value: text } : { problem: `expected ${wanted}, found ${quoted(text)}: ${why}` };
