/**
 * References that lead nowhere within a render, nor in the cluster where that is known. What a
 * render lacks may well be in the cluster by the time it is needed, so these are warnings. Pure.
 */
import { asRecord, asString, getPath } from '../json-access.ts';
import { type KubeObject, objectKey } from '../object.ts';
import { systemPriorityClasses } from '../pods/priorities.ts';
import { resourceIdOf } from '../resource-kind.ts';
import { isServedName } from '../volumes/classes.ts';
import { type Reference, referencesOf, RESOURCES } from './references.ts';
import type { ClusterView, RenderCheckOptions, RenderObject, RenderWarning, Target } from './types.ts';

/** The system makes these by itself, the first two in each namespace. */
const MADE_BY_SYSTEM: ReadonlySet<string> = new Set([
  'ServiceAccount default',
  'ConfigMap kube-root-ca.crt',
  ...systemPriorityClasses.map(({ metadata }) => `PriorityClass ${metadata.name}`),
]);

/** Custom objects that make a Secret, with the field of its name; default: the object's name. */
const SECRET_MAKERS: Readonly<Record<string, readonly string[]>> = {
  'sealedsecrets.bitnami.com': ['spec', 'template', 'metadata', 'name'],
  'externalsecrets.external-secrets.io': ['spec', 'target', 'name'],
  'certificates.cert-manager.io': ['spec', 'secretName'],
};

/** The controller of tokens fills these in. */
const TOKEN_SECRET = 'kubernetes.io/service-account-token';

interface Rendered {
  /** `made`: it will be there, with contents that nobody knows here. */
  readonly objects: ReadonlyMap<string, KubeObject | 'made'>;
  readonly namespacesOf: ReadonlyMap<string, readonly string[]>;
  /** The classes of PersistentVolumes. */
  readonly volumeClasses: ReadonlySet<string>;
}

const idOf = ({ resource, namespace, name }: Target): string => `${resource}|${objectKey(namespace, name)}`;

/** Everything that may have to be asked of a cluster: what the render names and does not bring. */
export function missingTargets(
  items: readonly RenderObject[],
  refused: readonly KubeObject[] = [],
): readonly Target[] {
  const rendered = indexRender(items, refused);
  const missing = new Map<string, Target>();
  for (const { object } of items)
    for (const reference of referencesOf(object)) {
      const target = targetOf(reference, object);
      if (!isMadeBySystem(reference) && !rendered.objects.has(idOf(target)))
        missing.set(idOf(target), target);
    }
  return [...missing.values()];
}

export function checkReferences<Item extends RenderObject>(
  items: readonly Item[],
  { cluster, refused = [] }: Pick<RenderCheckOptions, 'cluster' | 'refused'>,
): readonly RenderWarning<Item>[] {
  const rendered = indexRender(items, refused);
  return items.flatMap((item) => {
    // One object is told once of each thing that it lacks.
    const told = new Set<string>();
    return referencesOf(item.object).flatMap((reference) => {
      const problem = problemOf(reference, item.object, rendered, cluster);
      if (!problem || told.has(problem.message)) return [];
      told.add(problem.message);
      return [{ stopsPods: !isUncertain(reference), item, ...problem }];
    });
  });
}

function problemOf(
  reference: Reference,
  object: KubeObject,
  rendered: Rendered,
  cluster: ClusterView | undefined,
): Pick<RenderWarning, 'path' | 'message' | 'hint'> | undefined {
  if (isMadeBySystem(reference)) return undefined;
  const target = targetOf(reference, object);
  const found = rendered.objects.get(idOf(target)) ?? cluster?.find(target);
  if (found === 'made' || (reference.kind === 'StorageClass' && rendered.volumeClasses.has(reference.name)))
    return undefined;
  if (found && found !== 'unknown') return keyProblem(reference, found);
  const { kind, name, path } = reference;
  const lacking =
    cluster && found !== 'unknown'
      ? 'is neither among these manifests nor in the cluster'
      : 'is not among these manifests';
  const where = target.namespace === undefined ? '' : ` in namespace "${target.namespace}"`;
  const when = isPullSecret(reference) ? 'when images are pulled' : RESOURCES[kind].when;
  const others = rendered.namespacesOf.get(`${target.resource}|${name}`) ?? [];
  return {
    path,
    message: `${kind} "${name}" ${lacking}: it must exist${where} ${when}`,
    ...(others.length === 0 ? {} : { hint: `there is one in namespace "${others.join('", "')}"` }),
  };
}

function keyProblem(
  { kind, name, key }: Reference,
  found: KubeObject,
): Pick<RenderWarning, 'path' | 'message' | 'hint'> | undefined {
  if (!key || found['type'] === TOKEN_SECRET) return undefined;
  const keys = ['data', 'binaryData', 'stringData'].flatMap((field) => Object.keys(asRecord(found[field])));
  if (keys.includes(key.name)) return undefined;
  return {
    path: key.path,
    message: `${kind} "${name}" has no key "${key.name}": the pod does not start without it`,
    hint: keys.length === 0 ? 'it has no keys' : `it has ${keys.slice(0, MAX_NAMED_KEYS).join(', ')}`,
  };
}

/** A ConfigMap of many files need not be listed whole. */
const MAX_NAMED_KEYS = 10;

/** The image may be public, or there already. */
const isPullSecret = ({ path }: Reference): boolean => path.includes('imagePullSecrets[');

/** A claim of a missing class may have a volume that was made by hand. */
const isUncertain = (reference: Reference): boolean =>
  reference.kind === 'StorageClass' || isPullSecret(reference);

const isReferable = (kind: string): kind is Reference['kind'] => Object.hasOwn(RESOURCES, kind);

const isMadeBySystem = ({ kind, name }: Reference): boolean =>
  MADE_BY_SYSTEM.has(`${kind} ${name}`) || (kind === 'StorageClass' && isServedName(name));

function targetOf({ kind, name }: Pick<Reference, 'kind' | 'name'>, { metadata }: KubeObject): Target {
  const { resource, namespaced } = RESOURCES[kind];
  return { resource, namespace: namespaced ? metadata.namespace : undefined, name };
}

function indexRender(items: readonly RenderObject[], refused: readonly KubeObject[]): Rendered {
  const objects = new Map<string, KubeObject | 'made'>();
  for (const object of refused) {
    const { kind, metadata } = object;
    if (isReferable(kind)) objects.set(idOf(targetOf({ kind, name: metadata.name }, object)), 'made');
  }
  const namespacesOf = new Map<string, string[]>();
  const volumeClasses = new Set<string>();
  for (const { kind, object } of items) {
    const { namespace, name } = object.metadata;
    const resource = resourceIdOf(kind);
    objects.set(idOf({ resource, namespace, name }), object);
    const secret = madeSecret(resource, object);
    if (secret !== undefined) objects.set(idOf({ resource: 'secrets', namespace, name: secret }), 'made');
    if (kind.kind === 'PersistentVolume')
      volumeClasses.add(asString(getPath(object, 'spec', 'storageClassName')));
    if (namespace === undefined) continue;
    const id = `${resource}|${name}`;
    const namespaces = namespacesOf.get(id);
    if (namespaces) namespaces.push(namespace);
    else namespacesOf.set(id, [namespace]);
  }
  return { objects, namespacesOf, volumeClasses };
}

function madeSecret(resource: string, object: KubeObject): string | undefined {
  const path = Object.hasOwn(SECRET_MAKERS, resource) ? SECRET_MAKERS[resource] : undefined;
  if (!path) return undefined;
  return asString(getPath(object, ...path)) || object.metadata.name;
}
