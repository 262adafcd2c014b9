import { expect, it } from 'vitest';
import { certificateAdvice } from '../../src/client/certificate-advice.ts';

const failure = (code: string, more: object = {}) => Object.assign(new Error('x'), { code, ...more });

it('says which names a certificate has, and the flag that adds one', () => {
  const cert = { subjectaltname: 'DNS:localhost, DNS:kubernetes.default.svc, IP Address:127.0.0.1' };
  const text = certificateAdvice(failure('ERR_TLS_CERT_ALTNAME_INVALID', { cert }), 'api.example');
  expect(text).toContain('is for only localhost, 127.0.0.1, not for api.example');
  expect(text).toContain('--tls-san api.example');
});

it('shows a bounded number of names', () => {
  const subjectaltname = Array.from({ length: 40 }, (_, index) => `DNS:n${index}`).join(', ');
  const text = certificateAdvice(
    failure('ERR_TLS_CERT_ALTNAME_INVALID', { cert: { subjectaltname } }),
    'api',
  );
  expect(text).toContain('28 more');
});

it.each([
  ['SELF_SIGNED_CERT_IN_CHAIN', 'symphony token create'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'symphony token create'],
  ['CERT_HAS_EXPIRED', 'clocks'],
])('says what to do about %s', (code, advice) => {
  expect(certificateAdvice(failure(code), 'api')).toContain(advice);
});

it('says nothing about other failures', () => {
  expect(certificateAdvice(failure('ECONNREFUSED'), 'api')).toBeUndefined();
  expect(certificateAdvice('text', 'api')).toBeUndefined();
  expect(certificateAdvice(undefined, 'api')).toBeUndefined();
});
