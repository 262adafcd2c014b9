/**
 * What can be done with a resource, as operations on paths: the part of an OpenAPI document that both its versions share.
 * Names, actions and answers are Kubernetes', since clients look operations up by them: kubectl finds out by the patch
 * operation whether a kind knows `dryRun` and `fieldValidation`.
 */
import { append } from '../../base/append.ts';
import type { ServedResource } from '../../schemas/resource-kind.ts';
import * as parameters from './parameters.ts';
import { inPath, type Parameter } from './parameters.ts';

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** A component schema by its name, or a plain type. */
export type SchemaUse = { readonly component: string } | { readonly type: 'string' | 'object' };

export interface OperationAnswer {
  readonly description: string;
  readonly produces: readonly string[];
  readonly schema: SchemaUse | undefined;
}

export type Method = 'get' | 'put' | 'post' | 'delete' | 'options' | 'head' | 'patch';

export interface Operation {
  readonly method: Method;
  readonly id: string;
  readonly tag: string;
  readonly action: string | undefined;
  readonly gvk: GroupVersionKind | undefined;
  readonly parameters: readonly Parameter[];
  readonly body:
    | { readonly consumes: readonly string[]; readonly schema: SchemaUse; readonly required: boolean }
    | undefined;
  readonly answers: Readonly<Record<string, OperationAnswer>>;
}

export interface OperationPath {
  readonly path: string;
  readonly operations: readonly Operation[];
}

/** How a resource is described: its schemas, and whether its objects can be sent as protobuf. */
export interface ResourceSchemas {
  readonly object: SchemaUse;
  readonly list: SchemaUse;
  /** Kubernetes' own kind: protobuf, strategic merge patches and the old watch paths. */
  readonly builtin: boolean;
}

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const component = (name: string): SchemaUse => ({ component: name });
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const PATCH_TYPES = ['application/json-patch+json', 'application/merge-patch+json'];
const BUILTIN_PATCH_TYPES = [
  'application/apply-patch+yaml',
  ...PATCH_TYPES,
  'application/strategic-merge-patch+json',
];
const TEXTS: Readonly<Record<string, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };

export const basePath = ({ group, version }: Pick<ServedResource, 'group' | 'version'>): string =>
  group === '' ? `/api/${version}` : `/apis/${group}/${version}`;

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** `rbacAuthorization` for `rbac.authorization.k8s.io`, `core` for the core group. */
export function groupWord(group: string): string {
  if (group === '') return 'core';
  const [first = '', ...rest] = group.replace(/\.k8s\.io$/, '').split(/[.-]/);
  return first + rest.map(capital).join('');
}

export function answersOf(
  codes: readonly string[],
  schema: SchemaUse | undefined,
  produces: readonly string[],
): Operation['answers'] {
  return Object.fromEntries([
    ...codes.map((code) => [code, { description: TEXTS[code] ?? '', produces, schema }] as const),
    ['401', { description: 'Unauthorized', produces: [], schema: undefined }] as const,
  ]);
}

/** Whose deletion is answered with the object itself. */
const RETURNS_OBJECT: ReadonlySet<string> = new Set([
  ...['PersistentVolume', 'PersistentVolumeClaim', 'Pod', 'PodTemplate', 'ResourceQuota', 'Service'],
  ...['ServiceAccount', 'CSIDriver', 'CSINode', 'StorageClass', 'VolumeAttachment', 'VolumeAttributesClass'],
]);

const MAIN_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

function verbsOf(resource: ServedResource & { readonly verbs?: readonly string[] }): ReadonlySet<string> {
  const whole = resource.group === '' && resource.kind === 'Namespace';
  const verbs = resource.verbs ?? MAIN_VERBS;
  return new Set(whole ? verbs.filter((verb) => verb !== 'deletecollection') : verbs);
}

/** All paths of a resource. */
export function operationsOf(resource: ServedResource, schemas: ResourceSchemas): readonly OperationPath[] {
  const { group, version, kind, plural, namespaced } = resource;
  const { builtin } = schemas;
  const verbs = verbsOf(resource);
  const base = basePath(resource);
  const word = capital(groupWord(group)) + capital(version);
  const scoped = namespaced ? 'Namespaced' : '';
  const scope = namespaced ? inPath('namespace') : [];
  const collection = `${base}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}`;
  const json = builtin
    ? ['application/json', PROTOBUF, 'application/yaml']
    : ['application/json', 'application/yaml'];
  const streamed = builtin
    ? [
        'application/json',
        'application/json;stream=watch',
        PROTOBUF,
        `${PROTOBUF};stream=watch`,
        'application/yaml',
      ]
    : ['application/json', 'application/yaml'];
  const about = {
    tag: `${groupWord(group)}_${version}`,
    gvk: { group, version, kind },
    body: undefined,
  } as const;

  function lists(id: string, action: string, within: readonly Parameter[], answer: SchemaUse): Operation {
    const query = [...within, ...parameters.LIST, ...parameters.PRETTY];
    const answers = answersOf(['200'], answer, streamed);
    return { ...about, method: 'get', id, action, parameters: query, answers };
  }
  function reads(id: string, answer: SchemaUse, gvk: GroupVersionKind = about.gvk): Operation {
    const within = [...inPath('name'), ...scope, ...parameters.PRETTY];
    return {
      ...about,
      gvk,
      method: 'get',
      id,
      action: 'get',
      parameters: within,
      answers: answersOf(['200'], answer, json),
    };
  }
  function writes(
    method: 'post' | 'put' | 'patch',
    id: string,
    schema: SchemaUse,
    within: readonly Parameter[],
    gvk: GroupVersionKind = about.gvk,
  ): Operation {
    const query = method === 'patch' ? parameters.PATCH : parameters.WRITE;
    const patchTypes = builtin ? BUILTIN_PATCH_TYPES : ['application/apply-patch+yaml', ...PATCH_TYPES];
    const codes = method === 'post' ? ['200', '201', '202'] : ['200', '201'];
    return {
      ...about,
      gvk,
      method,
      id,
      action: method,
      parameters: [...within, ...query, ...parameters.PRETTY],
      body: {
        consumes: method === 'patch' ? patchTypes : ['*/*'],
        schema: method === 'patch' ? component(`${META}Patch`) : schema,
        required: true,
      },
      answers: answersOf(codes, schema, json),
    };
  }
  function removes(whole: boolean): Operation {
    const returned = builtin && RETURNS_OBJECT.has(kind) ? schemas.object : component(`${META}Status`);
    const query = whole ? parameters.DELETE_COLLECTION : parameters.DELETE;
    return {
      ...about,
      method: 'delete',
      id: `delete${word}${whole ? 'Collection' : ''}${scoped}${kind}`,
      action: whole ? 'deletecollection' : 'delete',
      parameters: [...(whole ? [] : inPath('name')), ...scope, ...query, ...parameters.PRETTY],
      body: { consumes: ['*/*'], schema: component(`${META}DeleteOptions`), required: false },
      answers: whole
        ? answersOf(['200'], component(`${META}Status`), json)
        : answersOf(['200', '202'], returned, json),
    };
  }
  function connects(
    methods: readonly Method[],
    shape: ConnectShape,
    suffix: string,
    more: readonly Parameter[],
  ) {
    return methods.map(
      (method): Operation => ({
        ...about,
        gvk: { group: '', version: 'v1', kind: shape.kind(kind) },
        method,
        id: `connect${word}${capital(method)}${scoped}${kind}${suffix}`,
        action: 'connect',
        parameters: [...inPath('name'), ...scope, ...more, ...shape.parameters],
        answers: answersOf(['200'], { type: 'string' }, ['*/*']),
      }),
    );
  }
  function subresource(name: string): readonly OperationPath[] {
    const path = `${collection}/{name}/${name}`;
    const suffix = `${scoped}${kind}${capital(name)}`;
    const connect = CONNECTS[name];
    if (connect) {
      const main = { path, operations: connects(connect.methods, connect, capital(name), []) };
      if (!connect.withPath) return [main];
      const operations = connects(connect.methods, connect, `${capital(name)}WithPath`, inPath('path'));
      return [main, { path: `${path}/{path}`, operations }];
    }
    if (name === 'log') {
      const log = reads(`read${word}${suffix}`, { type: 'string' });
      const answers = answersOf(['200'], { type: 'string' }, [...json, 'text/plain']);
      return [
        { path, operations: [{ ...log, parameters: [...log.parameters, ...parameters.LOG], answers }] },
      ];
    }
    const own = OWN_TYPES[name];
    const schema = own ? component(own.component) : schemas.object;
    const gvk = own?.gvk ?? about.gvk;
    const within = [...inPath('name'), ...scope];
    if (own?.creates)
      return [{ path, operations: [writes('post', `create${word}${suffix}`, schema, within, gvk)] }];
    const put = writes('put', `replace${word}${suffix}`, schema, within, gvk);
    if (name === 'finalize') return [{ path, operations: [put] }];
    const get = reads(`read${word}${suffix}`, schema, gvk);
    return [{ path, operations: [get, put, writes('patch', `patch${word}${suffix}`, schema, within, gvk)] }];
  }

  const ofCollection: Operation[] = [];
  const ofObject: Operation[] = [];
  const paths: OperationPath[] = [];
  if (verbs.has('list')) {
    ofCollection.push(lists(`list${word}${scoped}${kind}`, 'list', scope, schemas.list));
    if (namespaced) {
      const all = lists(`list${word}${kind}ForAllNamespaces`, 'list', [], schemas.list);
      paths.push({ path: `${base}/${plural}`, operations: [all] });
    }
  }
  if (verbs.has('create'))
    ofCollection.push(writes('post', `create${word}${scoped}${kind}`, schemas.object, scope));
  if (verbs.has('deletecollection')) ofCollection.push(removes(true));
  if (verbs.has('get')) ofObject.push(reads(`read${word}${scoped}${kind}`, schemas.object));
  const within = [...inPath('name'), ...scope];
  if (verbs.has('update'))
    ofObject.push(writes('put', `replace${word}${scoped}${kind}`, schemas.object, within));
  if (verbs.has('delete')) ofObject.push(removes(false));
  if (verbs.has('patch'))
    ofObject.push(writes('patch', `patch${word}${scoped}${kind}`, schemas.object, within));
  paths.push({ path: collection, operations: ofCollection });
  paths.push({ path: `${collection}/{name}`, operations: ofObject });
  for (const name of resource.subresources) append(paths, subresource(name));
  if (verbs.has('watch') && builtin) {
    const event = component(`${META}WatchEvent`);
    const old = collection.replace(base, `${base}/watch`);
    const one = lists(`watch${word}${scoped}${kind}`, 'watch', within, event);
    const many = lists(`watch${word}${scoped}${kind}List`, 'watchlist', scope, event);
    paths.push({ path: old, operations: [many] }, { path: `${old}/{name}`, operations: [one] });
    if (namespaced) {
      const all = lists(`watch${word}${kind}ListForAllNamespaces`, 'watchlist', [], event);
      paths.push({ path: `${base}/watch/${plural}`, operations: [all] });
    }
  }
  return paths.filter(({ operations }) => operations.length > 0);
}

interface ConnectShape {
  readonly methods: readonly Method[];
  readonly parameters: readonly Parameter[];
  readonly withPath: boolean;
  /** Kind of its options. */
  kind(of: string): string;
}

function stream(kind: string, query: readonly Parameter[]): ConnectShape {
  return { methods: ['get', 'post'], parameters: query, withPath: false, kind: () => kind };
}

const CONNECTS: Readonly<Partial<Record<string, ConnectShape>>> = {
  attach: stream('PodAttachOptions', parameters.ATTACH),
  exec: stream('PodExecOptions', parameters.EXEC),
  portforward: stream('PodPortForwardOptions', parameters.PORT_FORWARD),
  proxy: {
    methods: ['get', 'put', 'post', 'delete', 'options', 'head', 'patch'],
    parameters: parameters.PROXY,
    withPath: true,
    kind: (of) => `${of}ProxyOptions`,
  },
};

interface OwnType {
  readonly component: string;
  readonly gvk: GroupVersionKind;
  readonly creates?: true;
}

/** Subresources that have a type of their own. */
const OWN_TYPES: Readonly<Partial<Record<string, OwnType>>> = {
  scale: {
    component: 'io.k8s.api.autoscaling.v1.Scale',
    gvk: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
  },
  binding: {
    component: 'io.k8s.api.core.v1.Binding',
    gvk: { group: '', version: 'v1', kind: 'Binding' },
    creates: true,
  },
  eviction: {
    component: 'io.k8s.api.policy.v1.Eviction',
    gvk: { group: 'policy', version: 'v1', kind: 'Eviction' },
    creates: true,
  },
  token: {
    component: 'io.k8s.api.authentication.v1.TokenRequest',
    gvk: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' },
    creates: true,
  },
};
