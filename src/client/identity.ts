/**
 * Who a client is. An identity may change while the client runs, as a certificate does that is renewed before it ends: then
 * new requests go out under the new one, and what lives long is opened anew.
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
