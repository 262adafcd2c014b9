/**
 * Bodies of the largest accepted size that are cheap to send and dear to read: for the benchmark,
 * which measures them, and for the tests, which count.
 */

import { MAX_LISTED_OBJECTS, MAX_MEMBERS } from '../../src/resources/decoding/body-limits.ts';

export interface HostileBody {
  readonly name: string;
  readonly method: 'POST' | 'PUT' | 'PATCH';
  readonly path: string;
  readonly contentType: string;
  readonly body: () => string | Buffer;
  /** The objects that have to be there before it. */
  readonly first?: { readonly path: string; readonly body: object };
}

export const MAX_BYTES = 3 * 1024 * 1024 - 2_000;
export const JSON_TYPE = 'application/json';
const namespace = '/api/v1/namespaces/default';

/** Sizes just below the limits: more is refused before any object is built. */
export const MOST_OBJECTS = MAX_LISTED_OBJECTS - 10;
export const MOST_MEMBERS = MAX_MEMBERS - 10;

/** As many members as fit. */
function filled(room: number, member: (index: number) => string, most = Infinity): string {
  const parts: string[] = [];
  let size = 0;
  for (let index = 0; index <= most; index += 1) {
    const part = member(index);
    size += part.length + 1;
    if (size > room) return parts.join(',');
    parts.push(part);
  }
  return parts.join(',');
}

const long = (bytes: number): string => 'x'.repeat(bytes);
const listOf = (member: (index: number) => string): string => {
  const isObject = member(0).startsWith('{');
  return `[${filled(MAX_BYTES, member, isObject ? MOST_OBJECTS : MOST_MEMBERS)}]`;
};
const mapOf = (member: (index: number) => string): string => `{${filled(MAX_BYTES, member, MOST_MEMBERS)}}`;

/** Ways to fill a list of objects that have a member `key`. */
const itemShapes = (key: string): Readonly<Record<string, (index: number) => string>> => ({
  empty: () => '{}',
  null: () => 'null',
  number: () => '1',
  repeated: () => `{"${key}":"a"}`,
  valid: (index) => `{"${key}":"a${index}"}`,
  invalid: (index) => `{"${key}":"A_${index}"}`,
  unknown: (index) => `{"u${index}":1}`,
  nested: () => `{"${key}":"a","env":[{},{}],"ports":[{},{}],"limits":[{},{}],"matchExpressions":[{}]}`,
  long: (index) => `{"${key}":"${index}${long(20_000)}"}`,
});

const textShapes: Readonly<Record<string, (index: number) => string>> = {
  empty: () => '""',
  repeated: () => '"a/a"',
  valid: (index) => `"example.com/a${index}"`,
  invalid: (index) => `"A_ ${index}"`,
  long: (index) => `"${index}${long(20_000)}"`,
};

const memberShapes: Readonly<Record<string, (index: number) => string>> = {
  valid: (index) => `"k${index}":"v"`,
  invalid: (index) => `"k ${index}":"v"`,
  'of the wrong type': (index) => `"k${index}":{}`,
  repeated: () => '"k":"v"',
  long: (index) => `"${index}${long(20_000)}":"v"`,
  quantities: (index) => `"k${index}":"1"`,
};

type Shapes = Readonly<Record<string, (index: number) => string>>;

function inPlace(
  path: string,
  field: string,
  around: (value: string) => string,
  shapes: Shapes,
  collect: (member: (index: number) => string) => string,
): HostileBody[] {
  return Object.entries(shapes).map(([name, member]) => ({
    name: `${field} ${name}`,
    method: 'POST',
    path,
    contentType: JSON_TYPE,
    body: () => around(collect(member)),
  }));
}

const pod = (spec: string): string =>
  `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":${spec}}`;
const inContainer = (field: string) => (value: string) =>
  pod(`{"containers":[{"name":"c","image":"i","${field}":${value}}]}`);
const inSpec = (field: string) => (value: string) =>
  pod(`{"containers":[{"name":"c","image":"i"}],"${field}":${value}}`);
const inMetadata = (field: string) => (value: string) =>
  `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m","${field}":${value}}}`;
const lists = (path: string, field: string, key: string, around: (value: string) => string): HostileBody[] =>
  inPlace(path, field, around, itemShapes(key), listOf);
const texts = (path: string, field: string, around: (value: string) => string): HostileBody[] =>
  inPlace(path, field, around, textShapes, listOf);
const maps = (path: string, field: string, around: (value: string) => string): HostileBody[] =>
  inPlace(path, field, around, memberShapes, mapOf);

const pods = `${namespace}/pods`;
const configMaps = `${namespace}/configmaps`;
const of = (apiVersion: string, kind: string, rest: string): string =>
  `{"apiVersion":"${apiVersion}","kind":"${kind}","metadata":{"name":"o"},${rest}}`;

const podBodies: HostileBody[] = [
  ...lists(pods, 'containers', 'name', (value) => pod(`{"containers":${value}}`)),
  ...lists(pods, 'containers with image', 'image', (value) => pod(`{"containers":${value}}`)),
  ...lists(pods, 'initContainers', 'name', inSpec('initContainers')),
  ...lists(pods, 'volumes', 'name', inSpec('volumes')),
  ...lists(pods, 'tolerations', 'key', inSpec('tolerations')),
  ...lists(pods, 'hostAliases', 'ip', inSpec('hostAliases')),
  ...lists(pods, 'topologySpreadConstraints', 'topologyKey', inSpec('topologySpreadConstraints')),
  ...lists(pods, 'imagePullSecrets', 'name', inSpec('imagePullSecrets')),
  ...lists(pods, 'schedulingGates', 'name', inSpec('schedulingGates')),
  ...lists(pods, 'readinessGates', 'conditionType', inSpec('readinessGates')),
  ...lists(pods, 'env', 'name', inContainer('env')),
  ...lists(pods, 'envFrom', 'prefix', inContainer('envFrom')),
  ...lists(pods, 'ports', 'name', inContainer('ports')),
  ...lists(pods, 'volumeMounts', 'name', inContainer('volumeMounts')),
  ...texts(pods, 'args', inContainer('args')),
  ...maps(pods, 'nodeSelector', inSpec('nodeSelector')),
  ...maps(pods, 'requests', (value) => inContainer('resources')(`{"requests":${value}}`)),
  ...lists(pods, 'node terms', 'x', (value) =>
    inSpec('affinity')(
      `{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":${value}}}}`,
    ),
  ),
];

const metadataBodies: HostileBody[] = [
  ...maps(configMaps, 'labels', inMetadata('labels')),
  ...maps(configMaps, 'annotations', inMetadata('annotations')),
  ...lists(configMaps, 'managedFields', 'manager', inMetadata('managedFields')),
  ...lists(configMaps, 'ownerReferences', 'name', inMetadata('ownerReferences')),
  ...inPlace(
    configMaps,
    'ownerReferences',
    inMetadata('ownerReferences'),
    { controllers: () => '{"apiVersion":"v1","kind":"Pod","name":"a","uid":"a","controller":true}' },
    listOf,
  ),
  ...texts(configMaps, 'finalizers', inMetadata('finalizers')),
  ...maps(
    configMaps,
    'managed field set',
    (value) =>
      `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m","managedFields":[{"manager":"a","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":${value}}]}}`,
  ),
  ...['name', 'generateName', 'namespace', 'uid', 'resourceVersion'].flatMap((field) =>
    ['x', 'X', '\\u0001', '"\\'.replaceAll(/["\\]/g, '\\$&'), '😀'].map(
      (unit): HostileBody => ({
        name: `${field} of ${unit}`,
        method: 'POST',
        path: configMaps,
        contentType: JSON_TYPE,
        body: () =>
          `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m","${field}":"${unit.repeat(Math.floor(2_900_000 / Buffer.byteLength(unit)))}"}}`,
      }),
    ),
  ),
];

const otherBodies: HostileBody[] = [
  ...maps(configMaps, 'data', (value) => of('v1', 'ConfigMap', `"data":${value}`)),
  ...maps(`${namespace}/secrets`, 'stringData', (value) => of('v1', 'Secret', `"stringData":${value}`)),
  ...lists(`${namespace}/services`, 'ports', 'name', (value) =>
    of('v1', 'Service', `"spec":{"ports":${value}}`),
  ),
  ...texts(`${namespace}/services`, 'externalIPs', (value) =>
    of('v1', 'Service', `"spec":{"ports":[{"port":1}],"externalIPs":${value}}`),
  ),
  ...lists('/apis/rbac.authorization.k8s.io/v1/clusterroles', 'rules', 'x', (value) =>
    of('rbac.authorization.k8s.io/v1', 'ClusterRole', `"rules":${value}`),
  ),
  ...texts('/apis/rbac.authorization.k8s.io/v1/clusterroles', 'verbs', (value) =>
    of(
      'rbac.authorization.k8s.io/v1',
      'ClusterRole',
      `"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":${value}}]`,
    ),
  ),
  ...lists('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', 'subjects', 'name', (value) =>
    of(
      'rbac.authorization.k8s.io/v1',
      'ClusterRoleBinding',
      `"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"view"},"subjects":${value}`,
    ),
  ),
  ...maps('/apis/apps/v1/namespaces/default/deployments', 'matchLabels', (value) =>
    of(
      'apps/v1',
      'Deployment',
      `"spec":{"selector":{"matchLabels":${value}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}`,
    ),
  ),
  ...lists('/apis/apps/v1/namespaces/default/deployments', 'containers', 'name', (value) =>
    of(
      'apps/v1',
      'Deployment',
      `"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":${value}}}}`,
    ),
  ),
  ...lists('/apis/networking.k8s.io/v1/namespaces/default/networkpolicies', 'ingress', 'x', (value) =>
    of('networking.k8s.io/v1', 'NetworkPolicy', `"spec":{"podSelector":{},"ingress":${value}}`),
  ),
  ...lists('/apis/networking.k8s.io/v1/namespaces/default/ingresses', 'rules', 'host', (value) =>
    of('networking.k8s.io/v1', 'Ingress', `"spec":{"rules":${value}}`),
  ),
  ...lists('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', 'endpoints', 'hostname', (value) =>
    of('discovery.k8s.io/v1', 'EndpointSlice', `"addressType":"IPv4","endpoints":${value}`),
  ),
  ...lists(`${namespace}/limitranges`, 'limits', 'type', (value) =>
    of('v1', 'LimitRange', `"spec":{"limits":${value}}`),
  ),
  ...maps(`${namespace}/resourcequotas`, 'hard', (value) =>
    of('v1', 'ResourceQuota', `"spec":{"hard":${value}}`),
  ),
];

export const definitionOfWidgets = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  ruled: {
                    type: 'array',
                    maxItems: 1_000_000,
                    items: {
                      type: 'object',
                      maxProperties: 2,
                      'x-kubernetes-validations': [{ rule: 'has(self.a)', message: long(2_000) }],
                      properties: { a: { type: 'string' }, name: { type: 'string', maxLength: 5 } },
                    },
                  },
                  names: { type: 'array', items: { type: 'string', pattern: '^[a-z]+$', maxLength: 3 } },
                  set: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
                  numbers: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'integer' } },
                  map: {
                    type: 'array',
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['name'],
                    items: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
                  },
                  either: {
                    type: 'array',
                    items: {
                      type: 'object',
                      properties: { name: { type: 'string' }, other: { type: 'string' } },
                      oneOf: [{ required: ['name'] }, { required: ['other'] }],
                      anyOf: [{ required: ['name'] }, { required: ['other'] }],
                    },
                  },
                  free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                  members: { type: 'object', additionalProperties: { type: 'integer' } },
                },
              },
            },
          },
        },
      },
    ],
  },
};

const widgets = '/apis/example.com/v1/namespaces/default/widgets';
const inWidget = (field: string) => (value: string) =>
  of('example.com/v1', 'Widget', `"spec":{"${field}":${value}}`);

const customBodies: HostileBody[] = [
  ...lists(widgets, 'ruled', 'name', inWidget('ruled')),
  ...texts(widgets, 'names', inWidget('names')),
  ...texts(widgets, 'set', inWidget('set')),
  ...inPlace(widgets, 'numbers', inWidget('numbers'), { repeated: () => '1', valid: String }, listOf),
  ...lists(widgets, 'map', 'name', inWidget('map')),
  ...lists(widgets, 'either', 'name', inWidget('either')),
  ...maps(widgets, 'members', inWidget('members')),
  ...maps(widgets, 'free', inWidget('free')),
  ...maps(widgets, 'unknown', (value) => of('example.com/v1', 'Widget', `"spec":${value}`)),
];

export const objectToPatch = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'there' },
  data: { a: 'b' },
};

const patch = (name: string, contentType: string, body: () => string): HostileBody => ({
  name,
  method: 'PATCH',
  path: `${configMaps}/there?fieldManager=a`,
  contentType,
  body,
});

const MERGE = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';
const APPLY = 'application/apply-patch+yaml';

const patchBodies: HostileBody[] = [
  ...[MERGE, STRATEGIC].flatMap((type) => [
    ...Object.entries(memberShapes).flatMap(([name, member]) => [
      patch(`${type} data ${name}`, type, () => `{"data":${mapOf(member)}}`),
      patch(`${type} labels ${name}`, type, () => `{"metadata":{"labels":${mapOf(member)}}}`),
    ]),
    ...Object.entries(textShapes).map(([name, member]) =>
      patch(`${type} finalizers ${name}`, type, () => `{"metadata":{"finalizers":${listOf(member)}}}`),
    ),
    ...Object.entries(itemShapes('uid')).map(([name, member]) =>
      patch(`${type} owners ${name}`, type, () => `{"metadata":{"ownerReferences":${listOf(member)}}}`),
    ),
    patch(`${type} of a wrong type`, type, () => `{"data":"${long(2_900_000)}"}`),
  ]),
  patch('json add', JSON_PATCH, () => listOf((index) => `{"op":"add","path":"/data/k${index}","value":"v"}`)),
  patch(
    'json append',
    JSON_PATCH,
    () =>
      `[{"op":"add","path":"/metadata/finalizers","value":[]},${filled(MAX_BYTES, () => '{"op":"add","path":"/metadata/finalizers/0","value":"a/b"}')}]`,
  ),
  patch('json copies double', JSON_PATCH, () =>
    listOf((index) => `{"op":"copy","from":"/data","path":"/data/k${index}"}`),
  ),
  patch(
    'json copies of a long value',
    JSON_PATCH,
    () =>
      `[{"op":"add","path":"/data/a","value":"${long(200_000)}"},${filled(2_000_000, (index) => `{"op":"copy","from":"/data/a","path":"/data/k${index}"}`)}]`,
  ),
  patch('json test', JSON_PATCH, () => listOf(() => '{"op":"test","path":"/data/a","value":"b"}')),
  ...Object.entries(memberShapes).map(([name, member]) =>
    patch(
      `apply data ${name}`,
      APPLY,
      () => `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"there"},"data":${mapOf(member)}}`,
    ),
  ),
  ...Object.entries(textShapes).map(([name, member]) =>
    patch(
      `apply finalizers ${name}`,
      APPLY,
      () =>
        `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"there","finalizers":${listOf(member)}}}`,
    ),
  ),
  ...Object.entries(itemShapes('name')).map(
    ([name, member]): HostileBody => ({
      name: `apply containers ${name}`,
      method: 'PATCH',
      path: `${pods}/applied?fieldManager=a`,
      contentType: APPLY,
      body: () =>
        `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"applied"},"spec":{"containers":${listOf(member)}}}`,
    }),
  ),
];

const yaml = (name: string, body: () => string): HostileBody => ({
  name,
  method: 'POST',
  path: configMaps,
  contentType: 'application/yaml',
  body,
});

const YAML_START = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: y\n';
const lines = (line: (index: number) => string): string => {
  const parts: string[] = [];
  for (let index = 0, size = 0; size < MAX_BYTES - 200; index += 1) {
    const part = line(index);
    size += part.length;
    parts.push(part);
  }
  return parts.join('');
};

const formBodies: HostileBody[] = [
  yaml('YAML members', () => `${YAML_START}data:\n${lines((index) => `  k${index}: v\n`)}`),
  yaml('YAML repeated members', () => `${YAML_START}data:\n${lines(() => '  k: v\n')}`),
  yaml('YAML items', () => `${YAML_START}data:\n${lines(() => '- a\n')}`),
  yaml('YAML flow', () => `${YAML_START}data: [${lines(() => 'a,')}]\n`),
  yaml('YAML nested flow', () => `${YAML_START}data: ${'['.repeat(1_000_000)}`),
  yaml('YAML question marks', () => `${YAML_START}data:\n${lines(() => '  ? a\n')}`),
  yaml('YAML anchors', () => `${YAML_START}data:\n${lines((index) => `  - &a${index} b\n`)}`),
  yaml('YAML block text', () => `${YAML_START}data:\n  a: |\n${lines(() => '    a, b: c\n')}`),
  yaml('YAML documents', () => lines(() => '---\na: b\n')),
  yaml('YAML carriage returns', () => `${YAML_START}data:\n  a: b\n${'\r'.repeat(2_900_000)}`),
  yaml('YAML tabs', () => `${YAML_START}data:\n${'\t'.repeat(2_900_000)}a: b`),
  yaml('YAML aliases', () => `${YAML_START}x: &a v\ndata:\n${lines((index) => `  k${index}: *a\n`)}`),
  yaml('YAML merges', () => `${YAML_START}x: &a {b: c}\n${lines((index) => `y${index}: {<<: *a}\n`)}`),
  yaml('YAML comments', () => lines(() => '#\n')),
  yaml('YAML white space', () => `${YAML_START}${' '.repeat(2_900_000)}`),
  yaml('YAML escapes', () => `${YAML_START}data: {a: "${'\\n'.repeat(1_400_000)}"}`),
  yaml('YAML tags', () => `${YAML_START}data: !${'a'.repeat(2_900_000)} b`),
  ...[
    ['repeated names', () => `{${filled(MAX_BYTES, (index) => `"k${index % 100_000}":1`)}}`],
    ['deep nesting', () => '{"a":'.repeat(500_000)],
    ['deep nesting within the limit', () => `${'{"a":'.repeat(990)}1${'}'.repeat(990)}`],
    [
      'repeated names in the depth',
      () =>
        `${'{"aaaaaaaaaa":'.repeat(900)}${mapOf((index) => `"${index % 2}":1`).slice(0, -40_000)}}${'}'.repeat(900)}`,
    ],
    [
      'distinct repeated names in the depth',
      () =>
        `${'{"aaaaaaaaaa":'.repeat(900)}{${filled(MAX_BYTES / 2 - 20_000, (index) => `"${index}":1`)},${filled(MAX_BYTES / 2 - 20_000, (index) => `"${index}":1`)}}${'}'.repeat(900)}`,
    ],
    ['numbers', () => `[${filled(MAX_BYTES, String)}]`],
    ['empty lists', () => `[${filled(MAX_BYTES, () => '[]')}]`],
    ['a million containers', () => pod(`{"containers":[${filled(MAX_BYTES, () => '{}')}]}`)],
    ['a long text', () => `"${long(2_900_000)}"`],
    ['a long kind', () => `{"kind":"${long(2_900_000)}","apiVersion":"v1"}`],
    ['a long apiVersion', () => `{"kind":"ConfigMap","apiVersion":"${long(2_900_000)}"}`],
    ['a long unknown field', () => of('v1', 'ConfigMap', `"${long(2_900_000)}":1`)],
    [
      'unknown fields',
      () =>
        of(
          'v1',
          'ConfigMap',
          filled(MAX_BYTES, (index) => `"u${index}":1`),
        ),
    ],
    ['white space', () => `${' '.repeat(3_000_000)}{}`],
    ['a wrong JSON of text', () => `{"a":"${long(2_900_000)}`],
  ].map(
    ([name, body]): HostileBody => ({
      name: `JSON ${String(name)}`,
      method: 'POST',
      path: `${configMaps}?fieldValidation=Strict`,
      contentType: JSON_TYPE,
      body: body as () => string,
    }),
  ),
];

export const bodyFamilies: ReadonlyMap<string, readonly HostileBody[]> = new Map([
  ['pods', podBodies],
  ['metadata', metadataBodies],
  ['other kinds', otherBodies],
  ['custom resources', customBodies],
  ['patches', patchBodies],
  ['forms', formBodies],
]);
