/** The verb of each method on an object, a collection and a subresource; discovery agrees. */
import type { Verb } from '../../resources/authz/types.ts';
import { resourceIdOf, type ServedResource, type Subresource } from '../../schemas/resource-kind.ts';
import type { ResourceTarget } from './request-target.ts';

/** HTTP method to verb. Every other method is answered with 405. */
export type MethodVerbs = Readonly<Record<string, Verb>>;

const READ = { GET: 'get', HEAD: 'get' } as const;
const CHANGE = { ...READ, PUT: 'update', PATCH: 'patch' } as const;
const ACT = { POST: 'create' } as const;
export const OBJECT_METHODS: MethodVerbs = { ...CHANGE, DELETE: 'delete' };
/** These run something: every method is authorised as a create, though only two are announced. */
const RUN = {
  methods: { GET: 'create', POST: 'create', PUT: 'create', PATCH: 'create', DELETE: 'create' },
  announced: ['create', 'get'],
} as const;
/** A GET with `watch` is a watch. */
export const COLLECTION_METHODS: MethodVerbs = {
  GET: 'list',
  HEAD: 'list',
  POST: 'create',
  DELETE: 'deletecollection',
};

interface SubresourceShape {
  readonly methods: MethodVerbs;
  /** Set where discovery announces fewer verbs than methods are served. */
  readonly announced?: readonly string[];
  /** For a type that is named after the kind: `PodProxyOptions`. */
  readonly kindSuffix?: string;
  /** Set where the subresource has a type of its own. */
  readonly type?: { readonly group: string; readonly version: string; readonly kind: string };
}

const coreType = (kind: string): SubresourceShape['type'] & object => ({ group: '', version: 'v1', kind });

/** One row per subresource; its handlers stand in dispatch.ts. */
export const SUBRESOURCES: Readonly<Record<Subresource, SubresourceShape>> = {
  status: { methods: CHANGE },
  scale: { methods: CHANGE, type: { group: 'autoscaling', version: 'v1', kind: 'Scale' } },
  log: { methods: READ },
  exec: { ...RUN, type: coreType('PodExecOptions') },
  attach: { ...RUN, type: coreType('PodAttachOptions') },
  portforward: { ...RUN, type: coreType('PodPortForwardOptions') },
  binding: { methods: ACT, type: coreType('Binding') },
  eviction: { methods: ACT, type: { group: 'policy', version: 'v1', kind: 'Eviction' } },
  token: { methods: ACT, type: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' } },
  approval: { methods: CHANGE },
  finalize: { methods: { PUT: 'update' } },
  proxy: { methods: { ...OBJECT_METHODS, ...ACT, OPTIONS: 'get' }, kindSuffix: 'ProxyOptions' },
  ephemeralcontainers: { methods: CHANGE },
  resize: { methods: CHANGE },
};

const ANNOUNCED: MethodVerbs = { ...OBJECT_METHODS, ...ACT };

/** The verbs that discovery announces: named after the methods, whatever they are authorised as. */
export const announcedVerbs = ({ methods, announced }: SubresourceShape): readonly string[] =>
  announced ?? [...new Set(Object.keys(methods).flatMap((method) => ANNOUNCED[method] ?? []))].sort();

export const subresourceKind = (kind: ServedResource, { type, kindSuffix = '' }: SubresourceShape): string =>
  type?.kind ?? `${kind.kind}${kindSuffix}`;

/** Upstream's storages of these answer a deletion with the object; all others with a Status. */
const RETURNS_DELETED: ReadonlySet<string> = new Set([
  ...['persistentvolumeclaims', 'persistentvolumes', 'pods', 'podtemplates', 'resourcequotas'],
  ...['serviceaccounts', 'services', 'storageclasses.storage.k8s.io'],
  ...['csidrivers', 'csinodes', 'volumeattachments', 'volumeattributesclasses'].map(
    (name) => `${name}.storage.k8s.io`,
  ),
]);

export const returnsDeleted = (kind: ServedResource): boolean => RETURNS_DELETED.has(resourceIdOf(kind));

export const SYMPHONY_GROUP = 'symphony.dev';

export type OwnResource =
  | 'clusterstate'
  | 'nodes/report'
  | 'nodes/restore'
  | 'nodes/tunnel'
  | 'peers'
  | 'volumes/backup'
  | 'volumes/restore';

/** One row per resource; its handlers stand in dispatch.ts. */
export const OWN_METHODS: Readonly<Record<OwnResource, MethodVerbs>> = {
  clusterstate: { GET: 'get' },
  'nodes/report': { POST: 'create' },
  'nodes/restore': { POST: 'create' },
  'nodes/tunnel': { GET: 'create' },
  peers: { GET: 'create' },
  // Named after claims, in their namespaces.
  'volumes/backup': { GET: 'create' },
  'volumes/restore': { GET: 'update' },
};

export function ownResourceOf(target: ResourceTarget): OwnResource | undefined {
  const { version, plural, name, subresource } = target;
  const key = subresource === undefined ? plural : `${plural}/${subresource}`;
  if (version !== 'v1' || !Object.hasOwn(OWN_METHODS, key)) return undefined;
  if ((target.namespace !== undefined) !== key.startsWith('volumes/')) return undefined;
  // The state of the cluster is one; everything else has a name.
  return (name === undefined) === (key === 'clusterstate') ? (key as OwnResource) : undefined;
}
