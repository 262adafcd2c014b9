/** Why a server's certificate was not accepted, and the flag or step that helps. Pure. */

/** Node's and OpenSSL's codes for a chain that ends at an authority that is not the given one. */
const OTHER_AUTHORITY = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
]);

const TIME = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);

/** Undefined if the error is not about the server's certificate. `host`: the requested one. */
export function certificateAdvice(error: unknown, host: string): string | undefined {
  const { code, cert } = (error ?? {}) as { code?: unknown; cert?: { subjectaltname?: unknown } };
  if (typeof code !== 'string') return undefined;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const named = namesIn(cert?.subjectaltname);
    const names = named.length === 0 ? 'other names' : `only ${named.join(', ')}`;
    return (
      `the server's certificate is for ${names}, not for ${host}: ` +
      `start the control plane with --tls-san ${host}, or use one of these names`
    );
  }
  if (OTHER_AUTHORITY.has(code)) {
    return (
      `the server's certificate is signed by an authority that is not this cluster's (${code}): check the address; ` +
      'an agent needs a token of that very cluster (symphony token create), a client its kubeconfig'
    );
  }
  if (TIME.has(code))
    return `the server's certificate is not valid at this time (${code}): compare the clocks of both machines`;
  return undefined;
}

/** A certificate of a host with many bridges has many names. */
const MAX_NAMES_SHOWN = 12;

/** `DNS:localhost, IP Address:127.0.0.1` → the names, without the cluster's own. */
function namesIn(text: unknown): readonly string[] {
  const names = typeof text === 'string' ? text.split(', ').map((name) => name.replace(/^[^:]*:/, '')) : [];
  const shown = names.filter((name) => !/^kubernetes(\.|$)/.test(name));
  const more = shown.length - MAX_NAMES_SHOWN;
  return more > 0 ? [...shown.slice(0, MAX_NAMES_SHOWN), `${more} more`] : shown;
}
