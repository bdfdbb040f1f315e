/** What the journal of systemd tells of a process that ended, as `journalctl --output=short` prints it. */

export function journalCommand(unit: string): readonly string[] {
  return ['journalctl', '--no-pager', '--quiet', '--boot', '--output=short', '--lines=200', `--unit=${unit}`];
}

const WORD_CHARS = 200;

/** `status=7/NOTRUNNING; Error: it cannot be`; empty where nothing is told of the process `pid`. */
export function lastWordsOf(pid: number, journal: string): string {
  const said: string[] = [];
  let status = '';
  let isOver = false;
  for (const line of journal.split('\n')) {
    const [, from, text = ''] = /^\S+ +\d+ [\d:]+ \S+ [^ [\]]+\[(\d+)\]: (.*)$/.exec(line) ?? [];
    if (Number(from) === pid) said.push(text.trim());
    // The first that follows its words is of its own end.
    const [, end] = /: Main process exited, code=\w+, (status=\d+(?:\/(?!n\/a)\S+)?)/.exec(text) ?? [];
    if (end === undefined || isOver || said.length === 0) continue;
    status = end;
    isOver = true;
  }
  const words = said.map(plain).filter((text) => text !== '' && !text.startsWith('Node.js v'));
  const word = words.findLast((text) => /Error\b/.test(text)) ?? words.at(-1) ?? '';
  return [status, word.slice(0, WORD_CHARS)].filter((part) => part !== '').join('; ');
}

/** A line of its own log says why in one of its fields. */
function plain(text: string): string {
  if (!text.startsWith('{')) return text;
  try {
    const { msg, reason, cause } = JSON.parse(text) as Record<string, unknown>;
    return [msg, reason ?? cause].filter((part) => typeof part === 'string').join(': ');
  } catch {
    return '';
  }
}
