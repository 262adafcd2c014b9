/** Discovery documents, legacy and aggregated, made of the registry. Pure. */
import { createHash } from 'node:crypto';
import { formatApiVersion } from '../../schemas/object.ts';
import type { ServedResource, Subresource } from '../../schemas/resource-kind.ts';
import { announcedVerbs, subresourceKind, SUBRESOURCES } from './methods.ts';

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** In upstream's order. A definition that is being deleted takes no new objects. */
const CUSTOM_VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const TERMINATING_VERBS = ['delete', 'deletecollection', 'get', 'list', 'watch'];

/** Namespaces have no deletecollection. */
function verbsOf(kind: ServedResource): readonly string[] {
  if (kind.verbs) return kind.verbs;
  if (kind.custom) return kind.custom.terminating ? TERMINATING_VERBS : CUSTOM_VERBS;
  const whole = kind.group === '' && kind.kind === 'Namespace';
  return whole ? VERBS.filter((verb) => verb !== 'deletecollection') : VERBS;
}

const byPlural = (a: ServedResource, b: ServedResource): number => (a.plural < b.plural ? -1 : 1);
const kindsOf = (
  served: readonly ServedResource[],
  group: string,
  version: string,
): readonly ServedResource[] =>
  served.filter((kind) => kind.group === group && kind.version === version).sort(byPlural);

export interface GroupVersions {
  readonly group: string;
  readonly versions: readonly string[];
}

/** Groups in the order of the registry, `''` (core) first where it is there. */
export function groupsOf(served: readonly ServedResource[]): readonly GroupVersions[] {
  const groups = new Map<string, string[]>();
  for (const { group, version } of served) {
    const versions = groups.get(group) ?? [];
    if (!versions.includes(version)) versions.push(version);
    groups.set(group, versions);
  }
  return [...groups].map(([group, versions]) => ({ group, versions }));
}

export function apiVersions(serverAddress: string): unknown {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

function apiGroup({ group, versions }: GroupVersions): Record<string, unknown> {
  const named = versions.map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: named, preferredVersion: named[0] };
}

export function apiGroupList(served: readonly ServedResource[]): unknown {
  const groups = groupsOf(served).filter(({ group }) => group !== '');
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(apiGroup) };
}

export function apiGroupOf(served: readonly ServedResource[], name: string): unknown {
  const found = groupsOf(served).find(({ group }) => group === name && group !== '');
  return found ? { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(found) } : undefined;
}

/** `APIResourceList` of a version, or undefined where nothing is served. */
export function apiResourceList(served: readonly ServedResource[], group: string, version: string): unknown {
  const kinds = kindsOf(served, group, version);
  if (kinds.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: formatApiVersion(group, version),
    resources: kinds.flatMap((kind) => [
      mainResource(kind),
      ...subresourcesOf(kind).map((name) => legacySubresource(kind, name)),
    ]),
  };
}

function mainResource(kind: ServedResource): unknown {
  return {
    name: kind.plural,
    singularName: kind.singular,
    namespaced: kind.namespaced,
    kind: kind.kind,
    verbs: verbsOf(kind),
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
    ...(kind.storedAs ? { storageVersionHash: hashOf(kind.storedAs) } : {}),
  };
}

/** Changes with the version that the store keeps. Its input is not specified. */
function hashOf({ group, version, kind }: NonNullable<ServedResource['storedAs']>): string {
  const digest = createHash('sha256').update(`${group}/${version}/${kind}`).digest();
  return digest.subarray(0, STORAGE_HASH_BYTES).toString('base64');
}
const STORAGE_HASH_BYTES = 8;

const subresourcesOf = (kind: ServedResource): readonly Subresource[] => [...kind.subresources].sort();

function legacySubresource(kind: ServedResource, name: Subresource): unknown {
  const shape = SUBRESOURCES[name];
  const { type } = shape;
  return {
    name: `${kind.plural}/${name}`,
    singularName: '',
    namespaced: kind.namespaced,
    ...(type && type.group !== '' ? { group: type.group, version: type.version } : {}),
    kind: subresourceKind(kind, shape),
    verbs: announcedVerbs(shape),
  };
}

/** Aggregated discovery of the core group (`/api`) or of all others (`/apis`). */
export function aggregatedDiscovery(served: readonly ServedResource[], core: boolean): unknown {
  const groups = groupsOf(served).filter(({ group }) => (group === '') === core);
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map(({ group, versions }) => ({
      metadata: group === '' ? {} : { name: group },
      versions: versions.map((name) => ({
        version: name,
        resources: kindsOf(served, group, name).map(aggregatedResource),
        freshness: 'Current',
      })),
    })),
  };
}

function aggregatedResource(kind: ServedResource): unknown {
  const subresources = subresourcesOf(kind).map((subresource) => {
    const shape = SUBRESOURCES[subresource];
    const { type } = shape;
    const isOfGroup = type !== undefined && type.group !== '';
    const ofCore = { group: '', version: '', kind: subresourceKind(kind, shape) };
    return { subresource, responseKind: isOfGroup ? type : ofCore, verbs: announcedVerbs(shape) };
  });
  return {
    resource: kind.plural,
    responseKind: { group: '', version: '', kind: kind.kind },
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: verbsOf(kind),
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
    ...(subresources.length > 0 ? { subresources } : {}),
  };
}
