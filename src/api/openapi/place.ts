/** Where the operations of one resource are, and the parts that they have in common. */
import type { ServedResource } from '../../schemas/resource-kind.ts';
import {
  answersOf,
  basePath,
  capital,
  type GroupVersionKind,
  groupWord,
  type Method,
  type Operation,
  type ResourceSchemas,
  type SchemaUse,
} from './operations.ts';
import * as parameters from './parameters.ts';
import { inPath, type Parameter } from './parameters.ts';

export const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
export const component = (name: string): SchemaUse => ({ component: name });
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const PATCH_TYPES = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
];
const BUILTIN_PATCH_TYPES = [...PATCH_TYPES, 'application/strategic-merge-patch+json'];

export interface Place {
  readonly resource: ServedResource;
  readonly schemas: ResourceSchemas;
  /** `AppsV1`, as in the ids of operations. */
  readonly word: string;
  /** `NamespacedDeployment`, or the kind alone. */
  readonly scopedKind: string;
  /** The path of the collection, within a namespace where the kind has them. */
  readonly collection: string;
  /** The parameters of the collection's path, and of an object's. */
  readonly scope: readonly Parameter[];
  readonly object: readonly Parameter[];
  readonly gvk: GroupVersionKind;
}

export function placeOf(resource: ServedResource, schemas: ResourceSchemas): Place {
  const { group, version, kind, plural, namespaced } = resource;
  const scope = namespaced ? inPath('namespace') : [];
  return {
    resource,
    schemas,
    word: capital(groupWord(group)) + capital(version),
    scopedKind: `${namespaced ? 'Namespaced' : ''}${kind}`,
    collection: `${basePath(resource)}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}`,
    scope,
    object: [...inPath('name'), ...scope],
    gvk: { group, version, kind },
  };
}

/** The types of an answer. Kubernetes' own kinds also have a protobuf form. */
export const producedBy = ({ schemas }: Place): readonly string[] =>
  schemas.builtin
    ? ['application/json', PROTOBUF, 'application/yaml']
    : ['application/json', 'application/yaml'];

const streamedBy = (place: Place): readonly string[] =>
  place.schemas.builtin
    ? [
        'application/json',
        'application/json;stream=watch',
        PROTOBUF,
        `${PROTOBUF};stream=watch`,
        'application/yaml',
      ]
    : producedBy(place);

type Described = Omit<Operation, 'tag' | 'gvk' | 'body'> & Partial<Pick<Operation, 'gvk' | 'body'>>;

export function operation(place: Place, described: Described): Operation {
  const { group, version } = place.resource;
  return { tag: `${groupWord(group)}_${version}`, gvk: place.gvk, body: undefined, ...described };
}

export function lists(
  place: Place,
  id: string,
  action: 'list' | 'watch' | 'watchlist',
  within: readonly Parameter[],
  answer: SchemaUse,
): Operation {
  return operation(place, {
    method: 'get',
    id,
    action,
    parameters: [...within, ...parameters.LIST, ...parameters.PRETTY],
    answers: answersOf(['200'], answer, streamedBy(place)),
  });
}

/** The schema of an object, and the kind where it is not that of the resource. */
export interface Subject {
  readonly schema: SchemaUse;
  readonly gvk?: GroupVersionKind;
}

export function reads(place: Place, id: string, { schema, gvk = place.gvk }: Subject): Operation {
  return operation(place, {
    gvk,
    method: 'get',
    id,
    action: 'get',
    parameters: [...place.object, ...parameters.PRETTY],
    answers: answersOf(['200'], schema, producedBy(place)),
  });
}

export function writes(
  place: Place,
  method: Extract<Method, 'post' | 'put' | 'patch'>,
  id: string,
  { schema, gvk = place.gvk }: Subject,
  within: readonly Parameter[] = place.object,
): Operation {
  const isPatch = method === 'patch';
  const patchTypes = place.schemas.builtin ? BUILTIN_PATCH_TYPES : PATCH_TYPES;
  return operation(place, {
    gvk,
    method,
    id,
    action: method,
    parameters: [...within, ...(isPatch ? parameters.PATCH : parameters.WRITE), ...parameters.PRETTY],
    body: {
      consumes: isPatch ? patchTypes : ['*/*'],
      schema: isPatch ? component(`${META}Patch`) : schema,
      required: true,
    },
    answers: answersOf(method === 'post' ? ['200', '201', '202'] : ['200', '201'], schema, producedBy(place)),
  });
}
