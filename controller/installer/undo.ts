/** What a run did, each with the way back: taken in reverse order, and each tried whatever became of the others. */
export interface UndoStack {
  /** `left` is the sentence for what stays when `back` does not succeed. */
  push(left: string, back: () => Promise<void>): void;
  /** What could not be undone. Never rejects. */
  unwind(): Promise<string[]>;
}

export function undoStack(): UndoStack {
  const done: { left: string; back: () => Promise<void> }[] = [];
  return {
    push: (left, back) => void done.push({ left, back }),
    async unwind() {
      const left: string[] = [];
      for (const one of done.splice(0).reverse()) {
        try {
          await one.back();
        } catch (cause) {
          left.push(`${one.left} (${(cause as Error).message})`);
        }
      }
      return left;
    },
  };
}
