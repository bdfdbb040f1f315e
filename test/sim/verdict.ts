/** A promise that was seen broken. */
export class Violation extends Error {
  /** Its number in PROMISES. */
  readonly promise: number;

  constructor(promise: number, what: string) {
    super(what);
    this.promise = promise;
  }
}
