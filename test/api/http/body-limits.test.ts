/**
 * Bodies of an accepted size that would cost far more than their bytes: what is built and answered
 * has a bound.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { duplicateKeys, strictFindings } from '../../../src/api/http/duplicate-keys.ts';
import { createTypedValues } from '../../../src/resources/managed-fields/typed-values.ts';
import { applyPatch } from '../../../src/resources/patch/index.ts';
import { decodeObject } from '../../../src/api/protobuf/index.ts';
import { boundedErrors, invalid, MAX_FOUND_ERRORS } from '../../../src/schemas/validation/report.ts';
import { comesTrue } from '../../support/comes-true.ts';
import { startDefinitions } from '../../support/definitions.ts';
import { definitionOfWidgets } from '../../support/hostile-bodies.ts';
import {
  definitionOf,
  longPattern,
  many,
  nested,
  podOfEmptyContainers,
  repeats,
} from '../../support/hostile-depths.ts';
import { type HttpAnswer, startTestHttp, type TestHttp } from '../test-http.ts';

const MAX_ANSWER_BYTES = 600_000;

let http: TestHttp;
let definitions: AsyncDisposable;
beforeAll(async () => {
  http = await startTestHttp();
  definitions = await startDefinitions(http.core);
  await http.send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definitionOfWidgets);
  await comesTrue(() => expect(http.core.registry.byKind('example.com/v1', 'Widget')).toBeDefined());
});
afterAll(async () => {
  await definitions[Symbol.asyncDispose]();
  await http[Symbol.asyncDispose]();
});

const namespace = '/api/v1/namespaces/default';
const pod = (spec: unknown): unknown => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec });
const configMap = (metadata: object): unknown => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'm', ...metadata },
});
const widget = (spec: unknown): Promise<HttpAnswer> =>
  http.send('POST', '/apis/example.com/v1/namespaces/default/widgets', {
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    metadata: { name: 'w' },
    spec,
  });

interface Causes {
  readonly details: { readonly name?: string; readonly causes: { readonly message: string }[] };
}
const causesOf = (answer: HttpAnswer): Causes['details']['causes'] =>
  (answer.body as unknown as Causes).details.causes;

describe('counts are bounded before anything walks them', () => {
  it.each([
    ['JSON', 'application/json', `{"spec":{"containers":[${'{},'.repeat(900_000)}{}]}}`],
    ['YAML', 'application/yaml', `spec:\n  containers:\n${'  - {}\n'.repeat(300_000)}`],
    ['JSON as YAML', 'application/yaml', `{"spec":{"containers":[${'{},'.repeat(900_000)}{}]}}`],
  ])('refuses 900,000 containers written as %s with 413', async (_form, contentType, body) => {
    const answer = await http.send('POST', `${namespace}/pods`, body, { contentType });
    expect(answer.code).toBe(413);
    expect(answer.text).toContain('more than 45000 values in one object');
  });

  it.each([
    ['containers', { containers: many(251, () => ({})) }, 'spec.containers has 251 items, at most 250'],
    ['tolerations', { containers: [], tolerations: many(2_501, () => ({})) }, 'more than 2500 objects'],
    [
      'objects of several lists',
      { containers: [{ env: many(3_000, () => ({})) }, { env: many(3_000, () => ({})) }] },
      'more than 2500 objects',
    ],
    [
      'labels',
      { nodeSelector: Object.fromEntries(many(10_001, (index) => [`k${index}`, ''])) },
      '10001 members',
    ],
  ])('refuses too many %s with 413', async (_what, spec, text) => {
    const answer = await http.send('POST', `${namespace}/pods`, pod(spec));
    expect(answer.code).toBe(413);
    expect(answer.text).toContain(text);
  });

  it('refuses what a patch blows up', async () => {
    await http.send('POST', `${namespace}/configmaps`, configMap({ name: 'blown' }));
    const patch = [
      { op: 'add', path: '/data', value: { a: 'b' } },
      ...many(9_000, () => ({ op: 'copy', from: '/data', path: '/data/b' })),
    ];
    const answer = await http.send('PATCH', `${namespace}/configmaps/blown`, JSON.stringify(patch), {
      contentType: 'application/json-patch+json',
    });
    expect(answer.code).toBe(422);
    expect(answer.text.length).toBeLessThan(MAX_ANSWER_BYTES);
  });

  it('takes what people write: a ConfigMap of 9,000 keys', async () => {
    const data = Object.fromEntries(many(9_000, (index) => [`key-${index}`, 'value']));
    const answer = await http.send('POST', `${namespace}/configmaps`, {
      ...(configMap({ name: 'large' }) as object),
      data,
    });
    expect(answer.code).toBe(201);
  });
});

describe('what a body repeats, nests or packs costs no more than its bytes', () => {
  it('counts values of protobuf before it makes them', async () => {
    const body = podOfEmptyContainers(100_000);
    let made = 0;
    const stop = new Error('enough');
    const onValue = (): void => {
      made += 1;
      if (made > 1_000) throw stop;
    };
    expect(decodeObject(body, { onValue, onJson: () => undefined })).toMatchObject({ problem: 'enough' });
    expect(made).toBe(1_001);
    const contentType = 'application/vnd.kubernetes.protobuf';
    const answer = await http.send('POST', `${namespace}/pods`, body, { contentType });
    expect(answer.code).toBe(413);
    expect(answer.text).toContain('more than 45000 values in one object');
  });

  it('compares lists whose items share their keys in one walk', () => {
    const { schemas } = http.core.core;
    const root = schemas.ofKind('', 'v1', 'Pod')?.schema;
    const asked = (count: number): number => {
      let calls = 0;
      const field: typeof schemas.field = (...of) => {
        calls += 1;
        return schemas.field(...of);
      };
      const env = many(count, (index) => ({ name: `a${index >> 1}`, value: 'v' }));
      createTypedValues({ ...schemas, field }, root).compare(
        pod({}),
        pod({ containers: [{ name: 'c', env }] }),
      );
      return calls;
    };
    expect(asked(2_000)).toBeLessThan(3 * asked(1_000));
  });

  it('names a repeated member once, however deep it is', () => {
    const text = nested(5_000, repeats(100_000));
    expect(duplicateKeys(text)).toHaveLength(1);
    expect(strictFindings(text, ['other'])).toHaveLength(2);
  });

  it('says every unknown field, though paths of others are many and long', () => {
    const chain = nested(900, `{${many(20_000, (index) => `"k":{"u":${index}}`).join(',')}}`);
    const text = `{"free":${chain},"u":1}`;
    expect(strictFindings(text, ['u'])).toContain('unknown field "u"');
  });

  it('keeps a record of owners that is deep and wide as a tree', async () => {
    await http.send('POST', `${namespace}/configmaps`, configMap({ name: 'owned' }));
    let fieldsV1: Record<string, unknown> = Object.fromEntries(many(9_900, (index) => [`f:k${index}`, {}]));
    for (let depth = 0; depth < 95; depth += 1) fieldsV1 = { [`f:${'x'.repeat(200)}${depth}`]: fieldsV1 };
    const entry = { manager: 'm', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1 };
    const answer = await http.send(
      'PUT',
      `${namespace}/configmaps/owned`,
      configMap({ name: 'owned', managedFields: [entry] }),
    );
    expect(answer.code).toBe(200);
    expect(answer.body['metadata']).toMatchObject({ managedFields: [{ manager: 'm', fieldsV1 }] });
  });

  it.each([
    ['carriage returns', 413, `a: b\n${'\r'.repeat(100_000)}`],
    ['a long line', 400, `${'\t'.repeat(1_100_000)}a: b`],
  ])('refuses YAML of %s before it is parsed', async (_what, code, text) => {
    const contentType = 'application/yaml';
    const answer = await http.send('POST', `${namespace}/configmaps`, text, { contentType });
    expect(answer.code).toBe(code);
  });

  it('bounds the patterns of a definition, and the programs that record themselves in an object', async () => {
    const properties = Object.fromEntries(
      many(10, (index) => [`p${index}`, { type: 'string', pattern: longPattern(index) }]),
    );
    const definition = definitionOf('a', { type: 'object', properties });
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All';
    expect((await http.send('POST', path, definition)).text).toContain('at most 50000 are accepted');
    const managedFields = many(1_001, () => ({ operation: 'Update' }));
    const answer = await http.send('POST', `${namespace}/configmaps`, configMap({ managedFields }));
    expect(answer.text).toContain('metadata.managedFields has 1001 items, at most 1000');
  });

  it('lists a thousand conflicts of an apply, and says how many there are', async () => {
    const object = (value: string): unknown => ({
      ...(configMap({ name: 'fought' }) as object),
      data: Object.fromEntries(many(1_500, (index) => [`k${index}`, value])),
    });
    await http.send('POST', `${namespace}/configmaps`, object('a'));
    const contentType = 'application/apply-patch+yaml';
    const answer = await http.send('PATCH', `${namespace}/configmaps/fought?fieldManager=b`, object('b'), {
      contentType,
    });
    expect(answer.code).toBe(409);
    expect(answer.body['message']).toMatch(/^Apply failed with 1500 conflicts: /);
    expect(causesOf(answer)).toHaveLength(1_000);
  });
});

describe('errors are bounded', () => {
  it('ends a validation that has found enough, without looking further', () => {
    let looked = 0;
    const errors = boundedErrors(() =>
      many(1_000_000, () => {
        looked += 1;
        return invalid('a', 1, 'b');
      }),
    );
    expect(errors).toHaveLength(MAX_FOUND_ERRORS);
    expect(looked).toBe(MAX_FOUND_ERRORS);
  });

  it('lists the first errors and says how many more there are', async () => {
    const answer = await http.send(
      'POST',
      `${namespace}/pods`,
      pod({ containers: many(240, () => ({ name: 'same', image: 'i' })) }),
    );
    expect(answer.code).toBe(422);
    const causes = causesOf(answer);
    expect(causes).toHaveLength(201);
    expect(causes.at(-1)).toEqual({
      reason: 'FieldValueTooMany',
      message: 'Too many: 39 more errors are not shown',
      field: '<nil>',
    });
    expect(answer.body['message']).toContain('Too many: 39 more errors are not shown]');
  });

  it.each([
    ['a name', { name: 'X'.repeat(2_900_000) }],
    ['a name of wide characters', { name: `a${'😀'.repeat(700_000)}` }],
    ['a namespace', { namespace: 'X'.repeat(2_900_000) }],
    ['a finalizer', { finalizers: ['X'.repeat(2_900_000)] }],
    ['a label', { labels: { ['X '.repeat(1_400_000)]: 'a' } }],
  ])('cuts %s of 2.9 MB, never within a character', async (_what, metadata) => {
    const answer = await http.send('POST', `${namespace}/configmaps`, configMap(metadata));
    expect([400, 422]).toContain(answer.code);
    expect(answer.text.length).toBeLessThan(MAX_ANSWER_BYTES);
    expect(answer.text).not.toMatch(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|\\ud[89ab]/i);
  });

  it('cuts the patch that a refusal repeats', async () => {
    await http.send('POST', `${namespace}/configmaps`, configMap({ name: 'patched' }));
    const patch = JSON.stringify({ data: 'x'.repeat(2_900_000) });
    for (const contentType of ['application/merge-patch+json', 'application/strategic-merge-patch+json']) {
      const answer = await http.send('PATCH', `${namespace}/configmaps/patched`, patch, { contentType });
      expect(answer.code).toBe(422);
      expect(answer.text.length).toBeLessThan(MAX_ANSWER_BYTES);
    }
  });

  it('lists some of the violations of a custom resource', async () => {
    const answer = await widget({ ruled: many(2_400, () => ({ name: 'a' })) });
    expect(answer.code).toBe(422);
    expect(answer.text.length).toBeLessThan(MAX_ANSWER_BYTES);
  });

  it.each([
    ['a set', { set: many(9_900, () => 'same') }],
    ['a map', { map: many(2_400, () => ({ name: 'same' })) }],
    ['a list with a pattern', { names: many(9_900, () => 'UPPER') }],
    ['a list of alternatives', { either: many(2_400, () => ({})) }],
    ['a map of wrong types', { members: Object.fromEntries(many(9_900, (index) => [`k${index}`, 'a'])) }],
  ])('lists a hundred errors of %s', async (_what, spec) => {
    const answer = await widget(spec);
    expect(answer.code).toBe(422);
    expect(causesOf(answer).length).toBeLessThanOrEqual(101);
  });
});

it('reads each merge key of a strategic merge a few times, however many items there are', () => {
  let reads = 0;
  const item = (index: number): object => ({
    get uid() {
      reads += 1;
      return `u${index}`;
    },
  });
  const count = 2_000;
  const schemas = http.core.core.schemas;
  const live = { metadata: { ownerReferences: many(count, item) } };
  const patch = { metadata: { ownerReferences: many(count, item) } };
  applyPatch('strategic', live, patch, schemas, schemas.ofKind('', 'v1', 'ConfigMap'));
  expect(reads).toBeLessThan(count * 2 * 100);
});
