/**
 * Texts that users write, as long as a request or a file may be and made to cost quadratic time. A
 * quadratic reader of a million characters needs minutes, so one that comes back fails by the
 * test's time limit.
 */
import { describe, expect, it } from 'vitest';
import { urlCovers } from '../../src/resources/authz/rules.ts';
import { warningsOf } from '../../src/resources/writing/warnings.ts';
import { expandReferences, referencedNames } from '../../src/node-agent/container-spec/expand.ts';
import { parseImagePullSecret } from '../../src/node-agent/images/plan-registry-auth.ts';
import { toRuntimeError } from '../../src/node-agent/runtime/docker/engine-errors.ts';
import { parseCertificateRequest } from '../../src/schemas/certificates/certificate-request.ts';
import { hasFormat } from '../../src/schemas/values/formats.ts';
import { parseJsonPath } from '../../src/schemas/custom/json-path.ts';
import { readManifests } from '../../src/schemas/manifest/read-manifests.ts';
import { builtinRegistry } from '../../src/schemas/registry.ts';
import { parseQuantity } from '../../src/schemas/values/quantity.ts';
import { validateFieldRef } from '../../src/schemas/validation/environment.ts';
import { canonicalRepoUrl, parseRepoUrl, redactCredentials } from '../../src/sync/git/git-url.ts';
import { parseCommit } from '../../src/sync/git/parse-output.ts';
import { parseDuration } from '../../src/sync/plan/plan-retry.ts';

const MANY = 1_000_000;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('a long text costs no more than its length', () => {
  it.each(['{{', 'apiVersion: v1\nkind: X\na: "{{'])('a file of half a template: %j', (start) => {
    const bytes = Buffer.from(start + '{{'.repeat(MANY / 2));
    expect(readManifests({ path: 'a.yaml', bytes }).errors).toHaveLength(1);
  });

  it.each([':', '@', 'a@', ':@', '//:'])('the URL of a repository, of %j', (part) => {
    const url = `https://${part.repeat(MANY / part.length)}`;
    expect(() => parseRepoUrl(url, { allowFile: false })).toThrow('too long');
    expect(redactCredentials(`${url}x`).length).toBeLessThanOrEqual(url.length + 4);
    expect(canonicalRepoUrl(`${'/'.repeat(MANY)}x`)).toBe('/x');
  });

  it('a commit whose author is anything but a name', () => {
    const author = 'author < <'.repeat(MANY / 10);
    const head = `tree ${'0'.repeat(40)}\nauthor ${author}\ncommitter A <a@b> ${'1 '.repeat(MANY / 2)}`;
    const commit = parseCommit(`${head}\n\n${'x'.repeat(MANY)}`);
    expect(commit.subject.length).toBeLessThanOrEqual(1_000);
    expect(commit.author.length).toBeLessThanOrEqual(1_000);
  });

  it('durations, quantities, paths of fields and URLs of rules', () => {
    expect(parseDuration(`${'1'.repeat(MANY)}x`)).toBeUndefined();
    expect(parseQuantity(`${'1'.repeat(MANY)}x`)).toBeUndefined();
    expect(parseJsonPath(`{[?(@${' '.repeat(MANY)}x)]}`)).toBeUndefined();
    const reference = { apiVersion: 'v1', fieldPath: "['".repeat(MANY / 2) };
    expect(validateFieldRef(reference, [], 'fieldRef')).toHaveLength(1);
    expect(urlCovers(`/a${'*'.repeat(MANY)}x*`, '/a')).toBe(false);
  });

  it('a duration of a custom resource', () => {
    expect(hasFormat('duration', `${'0'.repeat(MANY)}x`)).toBe(false);
    expect(hasFormat('duration', `${'1h '.repeat(50)}!`)).toBe(false);
    for (const fine of ['0', '1h30m', '-1.5s', '2 weeks 3 days', '.5ms'])
      expect(hasFormat('duration', fine)).toBe(true);
  });

  it.each(['-----BEGIN a-----', '-----BEGIN a-----\n-----END a-----', '-----BEGIN '])(
    'certificates and requests of nothing but %j',
    (part) => {
      const pem = part.repeat(MANY / part.length);
      expect(() => parseCertificateRequest(pem)).toThrow('CERTIFICATE REQUEST');
      const secret = {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 's' },
        type: 'kubernetes.io/tls',
        data: { 'tls.crt': base64(`${pem}-----END b-----`), 'tls.key': '' },
      };
      expect(warningsOf(builtinRegistry.byKind('v1', 'Secret')!, secret)).toHaveLength(1);
    },
  );

  it('variables that are opened and never closed', () => {
    expect(expandReferences('$('.repeat(MANY / 2), () => 'x')).toHaveLength(MANY);
    expect(referencedNames('$('.repeat(MANY / 2))).toEqual([]);
    expect(expandReferences('$(A) $$(A) $(', () => 'x')).toBe('x $(A) $(');
  });

  it('the name of a registry, and its password', () => {
    const auths = { [`${'/'.repeat(MANY)}x`]: { auth: base64(`u:${'\0'.repeat(MANY)}x`) } };
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      data: { '.dockerconfigjson': base64(JSON.stringify({ auths })) },
    };
    expect(parseImagePullSecret(secret)).toHaveLength(1);
  });

  it('what the Engine repeats of a command, whose end still says what is wrong', () => {
    const message = `exec: "${'network '.repeat(MANY / 8)}": executable file not found in $PATH: unknown`;
    const error = toRuntimeError(
      'start',
      Object.assign(new Error(message), { statusCode: 400, json: { message } }),
    );
    expect(error.code).toBe('invalid');
    expect(error.message.length).toBeLessThan(5_000);
    expect(error.message).toContain('executable file not found in $PATH');
  });
});
