import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeObject } from '../../../src/api/protobuf/index.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import { type HttpAnswer, startTestHttp, type TestHttp } from '../test-http.ts';

const RUNS = 300;

let http: TestHttp;
beforeAll(async () => {
  http = await startTestHttp();
  await http.send('POST', pods, pod);
});
afterAll(() => http[Symbol.asyncDispose]());

const pods = '/api/v1/namespaces/default/pods';
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', labels: { a: 'b' } },
  spec: {
    containers: [
      { name: 'c', image: 'nginx:1', ports: [{ containerPort: 80 }], env: [{ name: 'A', value: '1' }] },
    ],
    volumes: [{ name: 'v', emptyDir: {} }],
  },
};

/**
 * Whatever is asked, the answer is a success, or a Status that says what is wrong with the request.
 */
function expectNoFaultOfOurs(answer: HttpAnswer): void {
  expect(answer.code, answer.text).toBeLessThan(500);
  if (answer.code < 400) return;
  if (answer.text === '404 page not found\n') return;
  expect(answer.body).toMatchObject({
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    code: answer.code,
  });
}

const collections = builtinRegistry.kinds.map(({ group, version, plural, namespaced }) => {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${root}${namespaced ? '/namespaces/default' : ''}/${plural}`;
});

const nasty = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    '',
    'null',
    '../..',
    '%2e%2e',
    '$patch',
    'metadata',
    'spec',
    '\u0000',
  ),
  fc.string({ maxLength: 20 }),
);
const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];

const protobufPod = encodeObject(pod) ?? Buffer.alloc(0);

/** The pod with one of its parts, at any depth, replaced by any JSON. */
const mutatedPod = fc
  .record({ path: fc.array(fc.nat(), { minLength: 1, maxLength: 6 }), value: fc.jsonValue() })
  .map(({ path, value }) => {
    const copy = structuredClone(pod) as unknown as Record<string, unknown>;
    let at = copy;
    for (const [depth, step] of path.entries()) {
      const keys = Object.keys(at);
      const key = keys[step % Math.max(1, keys.length)];
      if (key === undefined) break;
      const next = at[key];
      if (depth < path.length - 1 && typeof next === 'object' && next !== null)
        at = next as Record<string, unknown>;
      else {
        at[key] = value;
        break;
      }
    }
    return copy;
  });

describe('whatever is asked, the server is never at fault', () => {
  it('random bodies of every kind', () =>
    fc.assert(
      fc.asyncProperty(fc.constantFrom(...collections), fc.jsonValue(), async (path, body) => {
        expectNoFaultOfOurs(await http.send('POST', path, JSON.stringify(body)));
      }),
      { numRuns: RUNS },
    ));

  it('pods with any part replaced, created and put', () =>
    fc.assert(
      fc.asyncProperty(mutatedPod, async (body) => {
        expectNoFaultOfOurs(await http.send('POST', `${pods}?dryRun=All`, JSON.stringify(body)));
        expectNoFaultOfOurs(await http.send('PUT', `${pods}/p?dryRun=All`, JSON.stringify(body)));
      }),
      { numRuns: RUNS },
    ));

  it('any JSON, and mutated pods, as a patch of every type', () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...patchTypes),
        fc.oneof(fc.jsonValue(), mutatedPod, jsonPatch()),
        fc.constantFrom('', '/status', '/scale', '/ephemeralcontainers'),
        async (contentType, body, subresource) => {
          const query = '?dryRun=All&fieldManager=m';
          expectNoFaultOfOurs(
            await http.send('PATCH', `${pods}/p${subresource}${query}`, JSON.stringify(body), {
              contentType,
            }),
          );
        },
      ),
      { numRuns: RUNS },
    ));

  it('bytes that are no JSON, of any content type', () =>
    fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 60 }),
        fc.constantFrom(
          'application/json',
          'application/yaml',
          'application/vnd.kubernetes.protobuf',
          'text/plain',
        ),
        async (bytes, contentType) => {
          expectNoFaultOfOurs(await http.send('POST', pods, Buffer.from(bytes), { contentType }));
        },
      ),
      { numRuns: RUNS },
    ));

  it('protobuf bodies with any bytes replaced, removed or put in', () =>
    fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.nat(20),
        fc.uint8Array({ maxLength: 20 }),
        fc.constantFrom('POST', 'PUT', 'DELETE'),
        async (at, removed, noise, method) => {
          const start = at % protobufPod.length;
          const head = protobufPod.subarray(0, start);
          const body = Buffer.concat([head, noise, protobufPod.subarray(start + removed)]);
          const contentType = 'application/vnd.kubernetes.protobuf';
          const path = method === 'POST' ? pods : `${pods}/p`;
          expectNoFaultOfOurs(await http.send(method, `${path}?dryRun=All`, body, { contentType }));
        },
      ),
      { numRuns: RUNS },
    ));

  it('any method, path and query', () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'),
        fc.array(
          fc.oneof(fc.constantFrom('api', 'apis', 'v1', 'namespaces', 'default', 'pods', 'p', 'apps'), nasty),
          {
            maxLength: 7,
          },
        ),
        fc.dictionary(
          fc.constantFrom(
            'limit',
            'continue',
            'labelSelector',
            'fieldSelector',
            'resourceVersion',
            'dryRun',
            'timeoutSeconds',
            'propagationPolicy',
            'fieldValidation',
            'sendInitialEvents',
            'resourceVersionMatch',
          ),
          nasty,
        ),
        async (method, parts, query) => {
          const path = `/${parts.map((part) => encodeURIComponent(part)).join('/')}`;
          const search = new URLSearchParams(query).toString();
          const answer = await http.send(method, `${path}?${search}`);
          if (method === 'HEAD') expect(answer.code).toBeLessThan(500);
          else expectNoFaultOfOurs(answer);
        },
      ),
      { numRuns: RUNS },
    ));
});

describe('a body that would end its reader', () => {
  it.each([
    ['application/json', '['.repeat(1_000_000)],
    ['application/json', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['application/json', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
    ['application/yaml', '['.repeat(40_000)],
  ])('a body of %s that is too deep is a bad request', async (contentType, body) => {
    const answer = await http.send('POST', pods, body, { contentType });
    expect(answer.body).toMatchObject({ kind: 'Status', code: 400, reason: 'BadRequest' });
    const patched = await http.send('PATCH', `${pods}/p`, body, {
      contentType: 'application/merge-patch+json',
    });
    expect(patched.body).toMatchObject({ kind: 'Status', code: 400 });
  });

  it('brackets in a text are no depth', async () => {
    const data = { text: `${'[{'.repeat(5_000)}"\\` };
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'brackets' }, data };
    expect((await http.send('POST', '/api/v1/namespaces/default/configmaps', body)).code).toBe(201);
  });
});

function jsonPatch(): fc.Arbitrary<unknown> {
  return fc.array(
    fc.record({
      op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'other'),
      path: fc.constantFrom(
        '/metadata/labels/a',
        '/spec/containers/0',
        '/spec/containers/-',
        '/spec',
        '',
        '/x',
        'y',
        '/spec/containers/-1/image',
        '/__proto__/x',
      ),
      from: fc.constantFrom('/spec', '/metadata/labels', '', '/nothing'),
      value: fc.jsonValue(),
    }),
    { maxLength: 4 },
  );
}
