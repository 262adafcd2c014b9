/** An answer of the tunnel that is no success: its status, and the words for the client. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
