/** Hostile bodies that cost much by repetition, nesting, packing, or by their owner references. */
import { Buffer } from 'node:buffer';
import protobuf from 'protobufjs/minimal.js';
import { type HostileBody, JSON_TYPE } from './hostile-bodies.ts';

const namespace = '/api/v1/namespaces/default';
const widgets = '/apis/example.com/v1/namespaces/default/widgets';
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const APPLY = 'application/apply-patch+yaml';
const STRATEGIC = 'application/strategic-merge-patch+json';

export const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const named = (count: number, name: (index: number) => string, value: unknown): Record<string, unknown> =>
  Object.fromEntries(many(count, (index) => [name(index), value]));

type Sent = Pick<HostileBody, 'method' | 'path' | 'contentType'>;
const shape = (name: string, sent: Sent, body: () => unknown, first?: HostileBody['first']): HostileBody => ({
  name,
  ...sent,
  ...(first ? { first } : {}),
  body: () => {
    const made = body();
    return typeof made === 'string' || Buffer.isBuffer(made) ? made : JSON.stringify(made);
  },
});
const post = (path: string, contentType = JSON_TYPE): Sent => ({ method: 'POST', path, contentType });

const configMap = (name: string, rest: object = {}, metadata: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  ...rest,
});
const pod = (name: string, spec: object): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});
const container = (rest: object): object => ({ containers: [{ name: 'c', image: 'i', ...rest }] });

/** `depth` objects within each other around the text. */
export const nested = (depth: number, inner: string, key = 'aaaaaaaaaa'): string =>
  `${`{"${key}":`.repeat(depth)}${inner}${'}'.repeat(depth)}`;
export const repeats = (count: number, distinct = 1): string =>
  `{${many(count, (index) => `"k${index % distinct}":1`).join(',')}}`;
const widget = (free: string): string =>
  `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"o"},"spec":{"free":${free}}}`;

const env = (count: number, name: (index: number) => string): object[] =>
  many(count, (index) => ({ name: name(index), value: 'v' }));

const repeatedBodies: readonly HostileBody[] = [
  shape('variables twice each', post(`${namespace}/pods`), () =>
    pod('o', container({ env: env(4_900, (index) => `a${index >> 1}`) })),
  ),
  shape('ports twice each', post(`${namespace}/pods`), () =>
    pod('o', container({ ports: many(4_900, (index) => ({ containerPort: 1 + (index >> 1) })) })),
  ),
  shape('owners twice each', post(`${namespace}/configmaps`), () => {
    const owner = (index: number) => ({ apiVersion: 'v1', kind: 'Pod', name: 'a', uid: `u${index >> 1}` });
    return configMap('o', {}, { ownerReferences: many(4_900, owner) });
  }),
  ...[1, 9_000].map((distinct) =>
    shape(`${distinct} names repeated in the depth`, post(`${widgets}?fieldValidation=Strict`), () =>
      widget(nested(900, repeats(58_000, distinct))),
    ),
  ),
  shape('wide in the depth', post(widgets), () => widget(nested(900, repeats(9_900, 9_900)))),
  shape('chains', post(widgets), () =>
    widget(`{${many(50, (index) => `"c${index}":${nested(900, '1')}`).join(',')}}`),
  ),
  shape('lists in lists', post(widgets), () =>
    widget(`[${many(5, () => `${'['.repeat(900)}${']'.repeat(900)}`).join(',')}]`),
  ),
];

const entry = (manager: string, fieldsV1: unknown): object => ({
  manager,
  operation: 'Update',
  apiVersion: 'v1',
  time: '2026-01-01T00:00:00Z',
  fieldsType: 'FieldsV1',
  fieldsV1,
});
const recorded = (entries: () => readonly object[]) => () =>
  configMap('o', { data: { k: 'v' } }, { managedFields: entries() });
const record = { first: { path: `${namespace}/configmaps`, body: configMap('o', { data: { k: 'v' } }) } };
const put: Sent = { method: 'PUT', path: `${namespace}/configmaps/o`, contentType: JSON_TYPE };
const apply = (path: string): Sent => ({
  method: 'PATCH',
  path: `${path}?fieldManager=a`,
  contentType: APPLY,
});
const strategic = (path: string): Sent => ({ method: 'PATCH', path, contentType: STRATEGIC });

const ownerBodies: readonly HostileBody[] = [
  shape(
    'managers',
    put,
    recorded(() => many(990, (index) => entry(`m${index}`, { 'f:data': named(20, (at) => `f:k${at}`, {}) }))),
    record.first,
  ),
  shape(
    'a record deep and wide, with long names',
    put,
    recorded(() => {
      let fields = named(9_900, (index) => `f:k${index}`, {});
      for (let depth = 0; depth < 95; depth += 1) fields = { [`f:${'x'.repeat(200)}${depth}`]: fields };
      return [entry('m', fields)];
    }),
    record.first,
  ),
  shape(
    'apply other keys',
    apply(`${namespace}/configmaps/o`),
    () => configMap('o', { data: named(9_900, (index) => `j${index}`, 'v') }),
    {
      ...record.first,
      body: configMap('o', { data: named(9_900, (index) => `k${index}`, 'v') }),
    },
  ),
  shape('apply variables twice each', apply(`${namespace}/pods/o`), () =>
    pod('o', container({ env: env(4_900, (index) => `a${index}`) })),
  ),
  ...(
    [
      ['deletes variables', { $patch: 'delete' }],
      ['changes variables', { value: 'w' }],
    ] as const
  ).map(([what, change]) =>
    shape(
      `a strategic patch that ${what}`,
      strategic(`${namespace}/podtemplates/o`),
      () => ({
        template: {
          spec: {
            containers: [
              {
                name: 'c',
                env: many(4_900, (index) => ({ name: `a${index}`, ...change })),
              },
            ],
          },
        },
      }),
      {
        path: `${namespace}/podtemplates`,
        body: {
          apiVersion: 'v1',
          kind: 'PodTemplate',
          metadata: { name: 'o' },
          template: { spec: container({ env: env(4_900, (index) => `a${index}`) }) },
        },
      },
    ),
  ),
];

const message = (...parts: readonly (readonly [number, Uint8Array])[]): Uint8Array => {
  const writer = protobuf.Writer.create();
  for (const [tag, bytes] of parts) writer.uint32(tag).bytes(bytes);
  return writer.finish();
};
const text = (tag: number, value: string): Uint8Array =>
  protobuf.Writer.create().uint32(tag).string(value).finish();
const repeated = (tag: number, count: number): Uint8Array => {
  const writer = protobuf.Writer.create();
  for (let index = 0; index < count; index += 1) writer.uint32(tag).bytes(new Uint8Array());
  return writer.finish();
};
const NAME = text(10, 'o');

/** The envelope of an object in protobuf. */
export function enveloped(apiVersion: string, kind: string, raw: Uint8Array): Buffer {
  const type = Buffer.concat([text(10, apiVersion), text(18, kind)]);
  return Buffer.concat([Buffer.from([0x6b, 0x38, 0x73, 0]), message([10, type], [18, raw])]);
}

/** A pod of a few bytes for each container. */
export const podOfEmptyContainers = (count: number): Buffer =>
  enveloped('v1', 'Pod', message([10, NAME], [18, repeated(18, count)]));

const protobufBodies: readonly HostileBody[] = [
  shape('containers', post(`${namespace}/pods`, PROTOBUF), () => podOfEmptyContainers(1_450_000)),
  shape('volumes', post(`${namespace}/pods`, PROTOBUF), () =>
    enveloped('v1', 'Pod', message([10, NAME], [18, repeated(10, 1_450_000)])),
  ),
  shape('data', post(`${namespace}/configmaps`, PROTOBUF), () =>
    enveloped('v1', 'ConfigMap', Buffer.concat([message([10, NAME]), repeated(18, 1_400_000)])),
  ),
  shape('packed numbers', post(`${namespace}/pods`, PROTOBUF), () => {
    const numbers = Buffer.concat([
      Buffer.from([(4 << 3) | 2]),
      protobuf.Writer.create().uint32(2_900_000).finish(),
      Buffer.alloc(2_900_000, 1),
    ]);
    return enveloped('v1', 'Pod', message([10, NAME], [18, message([(14 << 3) | 2, numbers])]));
  }),
  shape('JSON within', post('/apis/apps/v1/namespaces/default/controllerrevisions', PROTOBUF), () => {
    const json = text(10, `[${many(700_000, () => '{}').join(',')}]`);
    return enveloped('apps/v1', 'ControllerRevision', message([10, NAME], [18, json]));
  }),
  shape('unknown fields', post(`${namespace}/configmaps`, PROTOBUF), () =>
    enveloped('v1', 'ConfigMap', Buffer.concat([message([10, NAME]), repeated((99 << 3) | 2, 900_000)])),
  ),
];

export const definitionOf = (name: string, schema: object, version: object = {}): object => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${name}s.example.org` },
  spec: {
    group: 'example.org',
    scope: 'Namespaced',
    names: {
      plural: `${name}s`,
      singular: name,
      kind: name.toUpperCase(),
      listKind: `${name.toUpperCase()}List`,
    },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema }, ...version }],
  },
});
const properties = (count: number, make: (index: number) => object): object => ({
  type: 'object',
  properties: Object.fromEntries(many(count, (index) => [`p${index}`, make(index)])),
});
export const longPattern = (index: number): string => `${index}${'(a|b)'.repeat(1_900)}`;
const dry = `${definitions}?dryRun=All`;

const definitionBodies: readonly HostileBody[] = [
  shape('properties', post(dry), () =>
    definitionOf(
      'a',
      properties(9_000, () => ({ type: 'string' })),
    ),
  ),
  shape('patterns', post(dry), () =>
    definitionOf(
      'a',
      properties(280, (index) => ({ type: 'string', pattern: longPattern(index) })),
    ),
  ),
  shape('rules', post(dry), () =>
    definitionOf(
      'a',
      properties(4_900, () => ({ type: 'string', 'x-kubernetes-validations': [{ rule: "self == 'a'" }] })),
    ),
  ),
  shape('defaults', post(dry), () =>
    definitionOf(
      'a',
      properties(4_900, () => ({
        type: 'object',
        default: {},
        properties: { a: { type: 'string', default: 'x' } },
      })),
    ),
  ),
  shape('columns', post(dry), () =>
    definitionOf(
      'a',
      { type: 'object' },
      {
        additionalPrinterColumns: many(4_000, (index) => ({
          name: `n${index}`,
          type: 'string',
          jsonPath: `.spec.a${'.b'.repeat(50)}`,
        })),
      },
    ),
  ),
  shape('a rule of many parts', post(dry), () =>
    definitionOf('a', {
      type: 'object',
      'x-kubernetes-validations': [{ rule: many(100_000, () => '1==1').join('&&') }],
    }),
  ),
];

export const depthFamilies: ReadonlyMap<string, readonly HostileBody[]> = new Map([
  ['repeats and depth', repeatedBodies],
  ['owners of fields', ownerBodies],
  ['protobuf', protobufBodies],
  ['definitions', definitionBodies],
]);
