/** Why a service was not installed, upgraded or removed, and what to do next. */
export class ServiceFailure extends Error {
  readonly next: string | undefined;

  constructor(message: string, next?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ServiceFailure';
    this.next = next;
  }
}
