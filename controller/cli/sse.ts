/**
 * Server-sent events, from bytes that may be cut anywhere.
 * Source: WHATWG HTML, 9.2.6 "Interpreting an event stream". `retry` is ignored: how we come back is our own affair.
 */
export interface SseEvent {
  /** The last id seen so far; empty before the first. */
  id: string;
  /** `message` where the stream names none. */
  type: string;
  data: string;
}

export class SseOverflow extends Error {}

/**
 * Returns a function that takes the next bytes and gives the events they complete. Throws SseOverflow for an event
 * longer than `maxChars`.
 */
export function createSseParser(maxChars: number): (bytes: Uint8Array) => SseEvent[] {
  const decoder = new TextDecoder();
  let rest = '';
  let afterCr = false;
  let id = '';
  let type = '';
  let data: string[] = [];
  let chars = 0;

  function line(text: string, events: SseEvent[]): void {
    if (text === '') {
      if (data.length > 0) events.push({ id, type: type || 'message', data: data.join('\n') });
      type = '';
      data = [];
      chars = 0;
      return;
    }
    chars += text.length;
    const colon = text.indexOf(':');
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(text[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'data') data.push(value);
    else if (field === 'event') type = value;
    else if (field === 'id' && !value.includes('\0')) id = value;
    else if (field === '') chars -= text.length; // a comment: keeps the connection alive
  }

  return (bytes) => {
    const events: SseEvent[] = [];
    let text = decoder.decode(bytes, { stream: true });
    // A line feed that belongs to the carriage return of the piece before.
    if (afterCr && text !== '') {
      if (text[0] === '\n') text = text.slice(1);
      afterCr = false;
    }
    let start = 0;
    for (const end of text.matchAll(/\r\n|\n|\r/g)) {
      line(rest + text.slice(start, end.index), events);
      rest = '';
      start = end.index + end[0].length;
      afterCr = end[0] === '\r' && start === text.length;
    }
    rest += text.slice(start);
    if (chars + rest.length > maxChars)
      throw new SseOverflow(`an event is longer than ${maxChars} characters`);
    return events;
  };
}
