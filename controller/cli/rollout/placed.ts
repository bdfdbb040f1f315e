import { MusterError } from '../../../proto/errors.ts';
import { pathText } from '../../documents/check.ts';
import type { Path } from '../../documents/document.ts';
import { EXIT, Failure } from '../failure.ts';
import { GATE_SETTINGS, keyOf, SETTINGS } from './settings.ts';

/** The words of the API and those of the file and the options for the same. */
const WORDS = new Map(
  [...Object.entries(SETTINGS), ...Object.entries(GATE_SETTINGS)].map(([field, setting]) => [
    field,
    keyOf(setting),
  ]),
);

/** A refusal of the controller in the words of the file or the options, with the line of the file where a mistake has one. */
export function placed(
  error: unknown,
  { called, lineOf }: { called: string | undefined; lineOf: ((path: Path) => number) | undefined },
): unknown {
  if (!(error instanceof MusterError) || error.code !== 'bad-request' || error.detail === undefined)
    return error;
  const lines = error.detail.split('\n').map((problem) => {
    const { path, message } = partsOf(problem);
    const text = inFileWords(message);
    const where = path.length === 0 ? '' : `${pathText(path)}: `;
    if (called === undefined) return `${where}${text}`;
    return path.length === 0 || lineOf === undefined
      ? `${called}: ${text}`
      : `${called}:${lineOf(path)}: ${where}${text}`;
  });
  const [first = '', ...others] = lines;
  return new Failure(
    EXIT.wrongUse,
    `the controller refuses this rollout; nothing was started${others.length === 0 ? `: ${first}` : ''}`,
    others.length === 0 ? undefined : lines.join('\n  '),
    { cause: error },
  );
}

/** `waves[1].size: …` */
function partsOf(problem: string): { path: Path; message: string } {
  const [, at, message = problem] = /^([a-z]\w*(?:\[\d+\]|\.\w+)*): (.*)$/s.exec(problem) ?? [];
  const path = [...(at ?? '').matchAll(/\[(\d+)\]|(\w+)/g)].map(([, index, key = '']) =>
    index === undefined ? (WORDS.get(key) ?? key.replace(/Ms$/, '')) : Number(index),
  );
  return { path, message };
}

function inFileWords(message: string): string {
  return message.replace(/\b[a-z]+[A-Z]\w*\b/g, (word) => WORDS.get(word) ?? word);
}
