/**
 * The `continue` token of a paged list: the version of the snapshot and the last key. It has
 * Kubernetes' encoding, base64url of `{"v":"meta.k8s.io/v1","rv":…,"start":"…"}`; opaque to
 * clients.
 */
import { isRecord } from '../../base/json.ts';
import { badRequest } from '../../schemas/errors/status.ts';

export interface ContinueToken {
  /** The snapshot's version; undefined (-1 on the wire): whatever is current. */
  readonly version: string | undefined;
  /** The page starts behind this key. */
  readonly after: string;
}

const TOKEN_FORMAT = 'meta.k8s.io/v1';

export function encodeContinue(token: ContinueToken): string {
  const rv = token.version === undefined ? -1 : Number(token.version);
  return Buffer.from(JSON.stringify({ v: TOKEN_FORMAT, rv, start: `${token.after}\0` })).toString(
    'base64url',
  );
}

export function decodeContinue(text: string): ContinueToken {
  const invalid = (detail: string): Error =>
    badRequest(`invalid continue token: continue key is not valid: ${detail}`);
  if (!/^[A-Za-z0-9_-]*={0,2}$/.test(text)) throw invalid('illegal base64 data');
  const decoded = Buffer.from(text, 'base64url').toString('latin1');
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(decoded, 'latin1').toString('utf8'));
  } catch {
    throw invalid(`invalid character ${goRune(decoded)} looking for beginning of value`);
  }
  if (!isRecord(parsed) || parsed['v'] !== TOKEN_FORMAT)
    throw invalid('server does not recognize this encoded version');
  const { rv, start } = parsed;
  if (typeof rv !== 'number' || !Number.isSafeInteger(rv) || rv === 0)
    throw invalid('incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  if (typeof start !== 'string' || start === '')
    throw invalid('encoded start key empty (version meta.k8s.io/v1)');
  return { version: rv < 0 ? undefined : String(rv), after: start.replace(/\0$/, '') };
}

/** The first character as Go quotes it in a JSON syntax error. */
function goRune(text: string): string {
  const code = text.codePointAt(0) ?? 0;
  return code < 0x20 || (code >= 0x7f && code < 0xa0)
    ? `'\\u${code.toString(16).padStart(4, '0')}'`
    : `'${String.fromCodePoint(code)}'`;
}
