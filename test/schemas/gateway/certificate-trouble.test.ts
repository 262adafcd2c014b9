import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { certificateTrouble } from '../../../src/schemas/gateway/certificate-trouble.ts';
import type { Secret } from '../../../src/schemas/types.ts';

const made = (): { readonly cert: string; readonly key: string } => {
  const arguments_ =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=a -days 1 -keyout -';
  const text = execFileSync('openssl', arguments_.split(' '), {
    stdio: ['ignore', 'pipe', 'ignore'],
  }).toString();
  const at = text.indexOf('-----BEGIN CERTIFICATE');
  return { key: text.slice(0, at), cert: text.slice(at) };
};
const secret = (data: Readonly<Record<string, string>>, type = 'kubernetes.io/tls'): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'a', namespace: 'b' },
  type,
  data: Object.fromEntries(
    Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  ),
});

describe('a Secret for a listener', () => {
  const [one, other] = [made(), made()];
  it.each([
    ['is one with a certificate and its key', secret({ 'tls.crt': one.cert, 'tls.key': one.key }), undefined],
    ['must exist', undefined, 'it does not exist'],
    ['must be of the type for TLS', secret({}, 'Opaque'), 'its type is not kubernetes.io/tls'],
    ['must be readable', secret({ 'tls.crt': 'x', 'tls.key': one.key }), 'tls.crt or tls.key cannot be read'],
    [
      'must hold a pair',
      secret({ 'tls.crt': one.cert, 'tls.key': other.key }),
      'tls.key is not the key of tls.crt',
    ],
  ])('%s', (_name, object, why) => {
    expect(certificateTrouble(object)).toBe(why);
  });
});
