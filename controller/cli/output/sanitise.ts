/**
 * What comes from an agent is written by whoever controls that machine. On a terminal, control characters of any kind
 * could move the cursor, rewrite what was printed, set the clipboard or the title, or answer as if typed;
 * bidirectional marks could make a line read as another. So none reaches a terminal: each is shown as what it is,
 * `\x1b`. Line feeds and tabs stay.
 *
 * Cc: C0, DEL, C1 (a terminal may take U+009B for CSI) · Cf: bidi and other invisible formats · Zl, Zp: line and
 * paragraph separators · Cs: lone surrogates. Kept of Cf: the joiners U+200C and U+200D, without which several
 * scripts and emoji cannot be written.
 */
const UNSAFE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const UNSAFE_BUT_LINES = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

/** For text of several lines. */
export function sanitise(text: string): string {
  return text.replace(UNSAFE_BUT_LINES, visible);
}

/** For names, labels, reasons: line feeds and tabs are shown too. */
export function sanitiseLine(text: string): string {
  return text.replace(UNSAFE, visible);
}

/**
 * One stream of bytes as text for a terminal, piece by piece. Bytes that are no UTF-8 become U+FFFD; a character may
 * be cut between pieces. CR LF is a line's end, as programs that think they have a terminal write it; any other CR
 * could overwrite what stands there and is shown.
 */
export function createTerminalText(): { push(bytes: Uint8Array): string; end(): string } {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let held = '';
  const clean = (text: string): string => sanitise(text.replaceAll('\r\n', '\n'));
  return {
    push(bytes) {
      const text = held + decoder.decode(bytes, { stream: true });
      held = text.endsWith('\r') ? '\r' : '';
      return clean(held === '' ? text : text.slice(0, -1));
    },
    end() {
      const text = held + decoder.decode();
      held = '';
      return clean(text);
    },
  };
}

/**
 * A value as one line of JSON that is also safe on a terminal: JSON escapes the C0 controls by itself, this escapes
 * the rest. The value that a reader gets is the same.
 */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, (character) => {
    let escaped = '';
    for (let i = 0; i < character.length; i += 1)
      escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
    return escaped;
  });
}
