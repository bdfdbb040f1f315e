import type { Command, Option } from 'commander';

export type Shell = 'bash' | 'zsh' | 'fish';

/** What can be typed at one place of the command line. */
interface Place {
  /** `agents ls`; empty for the program itself. */
  path: string;
  commands: { name: string; about: string }[];
  options: OptionShape[];
  /** Values of the first argument, where it has a choice; `file`: a file's name. */
  argument: readonly string[] | 'file' | undefined;
}

interface OptionShape {
  short: string | undefined;
  long: string;
  about: string;
  /** What its value may be; undefined: it takes none. */
  value: readonly string[] | 'file' | 'any' | undefined;
}

/** A completion script, made from the tree of commands, so that it knows what the program knows. */
export function completionScript(shell: Shell, program: Command): string {
  const places = placesOf(program, '');
  switch (shell) {
    case 'bash':
      return bashScript(places);
    case 'zsh':
      return zshScript(places);
    case 'fish':
      return fishScript(places);
  }
}

function placesOf(command: Command, path: string): Place[] {
  const [argument] = command.registeredArguments;
  const place: Place = {
    path,
    commands: command.commands.map((child) => ({
      name: child.name(),
      about: child.summary() || child.description(),
    })),
    options: command.options.map(shapeOf).filter((option) => option !== undefined),
    argument: argument?.argChoices ?? (argument?.name() === 'file' ? 'file' : undefined),
  };
  place.options.push({ short: '-h', long: '--help', about: 'show help', value: undefined });
  return [
    place,
    ...command.commands.flatMap((child) =>
      placesOf(child, path === '' ? child.name() : `${path} ${child.name()}`),
    ),
  ];
}

function shapeOf(option: Option): OptionShape | undefined {
  if (option.long === undefined || option.hidden) return undefined;
  const ofFile = /<(file|path)>/.test(option.flags) ? 'file' : 'any';
  const value = option.required ? (option.argChoices ?? ofFile) : undefined;
  return { short: option.short, long: option.long, about: option.description, value };
}

const namesOf = ({ short, long }: OptionShape): string[] => (short === undefined ? [long] : [short, long]);
/** A shell's single-quoted string. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** `case` arms, shared by bash and zsh, for the value that follows an option. `then` writes what offers it. */
function valueArms(
  places: readonly Place[],
  then: (value: readonly string[] | 'file' | 'any') => string,
): string {
  const arms: string[] = [];
  for (const { path, options } of places)
    for (const option of options)
      if (option.value !== undefined)
        arms.push(
          `    ${namesOf(option)
            .map((name) => quoted(`${path}|${name}`))
            .join(' | ')}) ${then(option.value)}; return ;;`,
        );
  return arms.join('\n');
}

const knownPaths = (places: readonly Place[]): string[] =>
  places.map(({ path }) => path).filter((path) => path !== '');

function bashScript(places: readonly Place[]): string {
  const values = valueArms(places, (value) => {
    if (value === 'file') return 'compopt -o default';
    return value === 'any' ? ':' : `COMPREPLY=($(compgen -W ${quoted(value.join(' '))} -- "$cur"))`;
  });
  const words = places.map(({ path, commands, options, argument }) => {
    const names = [...commands.map(({ name }) => name), ...(Array.isArray(argument) ? argument : [])];
    const all = [...names, ...options.map(({ long }) => long)];
    const files = argument === 'file' ? '; [[ $cur == -* ]] || compopt -o default' : '';
    return `    ${quoted(path)}) words=${quoted(names.join(' '))}; [[ $cur == -* ]] && words=${quoted(all.join(' '))}${files} ;;`;
  });
  return `# bash completion for muster
_muster() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" here='' words='' word i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    # What follows belongs to another command.
    if [[ $word == -- ]]; then compopt -o default; return; fi
    case "\${here:+$here }$word" in
      ${knownPaths(places).map(quoted).join(' | ')}) here="\${here:+$here }$word" ;;
    esac
  done
  case "$here|$prev" in
${values}
  esac
  case "$here" in
${words.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _muster muster
`;
}

function zshScript(places: readonly Place[]): string {
  const values = valueArms(places, (value) => {
    if (value === 'file') return '_files';
    return value === 'any' ? ':' : `compadd -- ${value.map(quoted).join(' ')}`;
  });
  const item = (name: string, about: string): string => quoted(`${name.replaceAll(':', '\\:')}:${about}`);
  const arms = places.map(({ path, commands, options, argument }) => {
    const named = commands.map(({ name, about }) => item(name, about));
    const choices = Array.isArray(argument) ? argument.map((choice) => item(choice, choice)) : [];
    const flags = options.flatMap((option) => namesOf(option).map((name) => item(name, option.about)));
    const files = argument === 'file' ? ' _files;' : '';
    return `    ${quoted(path)})${files} items=(${[...named, ...choices].join(' ')}); flags=(${flags.join(' ')}) ;;`;
  });
  return `#compdef muster
# zsh completion for muster
_muster() {
  local here='' word
  local -a items flags
  integer i
  for ((i = 2; i < CURRENT; i++)); do
    word="\${words[i]}"
    # What follows belongs to another command.
    if [[ $word == -- ]]; then _default; return; fi
    case "\${here:+$here }$word" in
      ${knownPaths(places).map(quoted).join(' | ')}) here="\${here:+$here }$word" ;;
    esac
  done
  case "$here|\${words[CURRENT-1]}" in
${values}
  esac
  case "$here" in
${arms.join('\n')}
  esac
  (( $#items )) && _describe -t commands command items
  [[ $PREFIX == -* ]] && _describe -o -t options option flags
}
if [ "$funcstack[1]" = _muster ]; then _muster "$@"; else compdef _muster muster; fi
`;
}

function fishScript(places: readonly Place[]): string {
  const lines: string[] = [];
  for (const { path, commands, options, argument } of places) {
    const at = `complete -c muster -n ${fishQuoted(`__muster_at ${path}`.trim())}`;
    for (const { name, about } of commands)
      lines.push(`${at} -a ${fishQuoted(name)} -d ${fishQuoted(about)}`);
    if (argument === 'file') lines.push(`${at} -F`);
    else if (argument !== undefined) lines.push(`${at} -a ${fishQuoted(argument.join(' '))}`);
    for (const { short, long, about, value } of options) {
      const names = `${short === undefined ? '' : `-s ${short.slice(1)} `}-l ${long.slice(2)}`;
      const takes =
        value === 'file'
          ? ' -r -F'
          : value === 'any'
            ? ' -x'
            : value
              ? ` -x -a ${fishQuoted(value.join(' '))}`
              : '';
      lines.push(`${at} ${names}${takes} -d ${fishQuoted(about)}`);
    }
  }
  return `# fish completion for muster
function __muster_here
    set -l here ''
    for word in (commandline -opc)[2..-1]
        if test "$word" = --
            set here --
            break
        end
        set -l next (string trim "$here $word")
        if contains -- "$next" ${knownPaths(places).map(fishQuoted).join(' ')}
            set here $next
        end
    end
    echo $here
end
function __muster_at
    set -l here (__muster_here)
    test "$here" = "$argv"
end
complete -c muster -f
complete -c muster -n '__muster_at --' -F
${lines.join('\n')}
`;
}

/** In fish's single quotes a backslash still escapes. */
function fishQuoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
