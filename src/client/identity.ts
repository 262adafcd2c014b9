/**
 * The identity of a client. It may change while the client runs, as a certificate is renewed before
 * it ends. New requests then present the new one; long streams are opened anew.
 */

export interface ClientIdentity {
  readonly token?: string;
  /** PEM, with its key. */
  readonly certificate?: { readonly certPem: string; readonly keyPem: string };
}

export interface IdentitySource {
  current(): ClientIdentity;
  /** Called after `current` has changed. */
  onChange(listener: () => void): Disposable;
}

export function fixedIdentity(identity: ClientIdentity): IdentitySource {
  return { current: () => identity, onChange: () => ({ [Symbol.dispose]: () => undefined }) };
}
