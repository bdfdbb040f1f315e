import { wrongUse } from './failure.ts';

/** `KEY=VALUE`, several times; `previous` holds what came before. Throws a Failure (wrong use). */
export function collectPair(text: string, previous: Record<string, string> = {}): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw wrongUse(`"${text}" is not KEY=VALUE`);
  return { ...previous, [text.slice(0, equals)]: text.slice(equals + 1) };
}
