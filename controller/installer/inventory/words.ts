/**
 * Words as a shell splits them: quotes, backslashes, and `#` at the start of a word begins a comment. Nothing is expanded.
 * The problem quotes nothing, since it may be in the middle of a password.
 */
export function splitWords(line: string): { words: string[] } | { problem: string } {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const char = line.charAt(at);
    if (char === ' ' || char === '\t') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === '#' && word === undefined) {
      break;
    } else if (char === "'") {
      const end = line.indexOf("'", at + 1);
      if (end < 0) return { problem: `the quote at column ${at + 1} does not end on this line` };
      word = (word ?? '') + line.slice(at + 1, end);
      at = end;
    } else if (char === '"') {
      const start = at;
      word ??= '';
      for (at++; line.charAt(at) !== '"'; at++) {
        if (at >= line.length)
          return { problem: `the quote at column ${start + 1} does not end on this line` };
        if (line.charAt(at) === '\\' && /["\\]/.test(line.charAt(at + 1))) at++;
        word += line.charAt(at);
      }
    } else if (char === '\\') {
      if (++at >= line.length) return { problem: 'a backslash at the end of the line continues nothing' };
      word = (word ?? '') + line.charAt(at);
    } else word = (word ?? '') + char;
  }
  if (word !== undefined) words.push(word);
  return { words };
}
