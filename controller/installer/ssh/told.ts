const MOST_CHARACTERS = 200;

/** The last line that says something, fit for a message: nothing that a terminal would act on. */
export function lastLine(text: string): string {
  const lines = text.split(/[\r\n]+/).map((line) => line.replace(/[^\x20-\x7e]/g, '?').trim());
  return (lines.findLast((line) => line !== '') ?? '').slice(0, MOST_CHARACTERS);
}
