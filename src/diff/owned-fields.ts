/**
 * Fields that the system itself writes again and again, kind by kind: Git does not hold them,
 * whatever a manifest says. People commit exported objects, and two writers of one field would
 * never come to rest.
 *
 * Not listed: metadata that only the system writes (normalise.ts), `status`, and what the strategy
 * of a kind keeps whatever an update says (a namespace's finalizers and name label, the spec of a
 * signing request, the addresses of a Service); the comparison asks the strategy for these. An
 * object without a rule here is Git's as a whole.
 */
import { isRecord, ownMember } from '../base/json.ts';
import { isApplicationDefinition } from '../schemas/applications/application-definition.ts';
import { getPath, omit } from '../schemas/json-access.ts';
import { TEMPLATE_GENERATION } from '../schemas/kinds/daemon-set/template-generation.ts';
import { type KubeObject, controllerOf, parseApiVersion } from '../schemas/object.ts';
import { CONFIG_HASH, CONFIG_HASHES } from '../schemas/pods/restart-on-change.ts';
import { type FieldSet, withoutField } from './applied-fields.ts';

type Path = readonly string[];

const annotation = (name: string): Path => ['metadata', 'annotations', name];
const label = (name: string): Path => ['metadata', 'labels', name];

const LAST_CHANGE = annotation('endpoints.kubernetes.io/last-change-trigger-time');
const REVISIONS = ['revision', 'revision-history', 'desired-replicas', 'max-replicas'].map((name) =>
  annotation(`deployment.kubernetes.io/${name}`),
);
/** Annotations that restarts on a change of the configuration leave behind. */
const CONFIGURATION: readonly Path[] = [
  annotation(CONFIG_HASHES),
  ['spec', 'template', ...annotation(CONFIG_HASH)],
];
const TOKEN_SECRET = 'kubernetes.io/service-account-token';
const CA_CONFIG_MAP = 'kube-root-ca.crt';

/** The control plane's own Service and its endpoints. */
const isOwnService = ({ metadata }: KubeObject): boolean =>
  metadata.name === 'kubernetes' && metadata.namespace === 'default';

/** Endpoints of a Service that selects pods: their controller keeps addresses and labels. */
const isOfController = ({ metadata }: KubeObject): boolean =>
  metadata.labels?.['endpoints.kubernetes.io/managed-by'] === 'endpoint-controller';

/** By `group/Kind`; a rule decides by the manifest and, where there is one, the live object. */
type Rule = (object: KubeObject, live: KubeObject | undefined) => readonly Path[];
const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  [
    'rbac.authorization.k8s.io/ClusterRole',
    // The default roles are aggregated whether or not a manifest says so.
    (object, live) => (object['aggregationRule'] || live?.['aggregationRule'] ? [['rules']] : []),
  ],
  ['apps/Deployment', () => [...REVISIONS, ...CONFIGURATION]],
  ['apps/StatefulSet', () => CONFIGURATION],
  ['apps/DaemonSet', () => [annotation(TEMPLATE_GENERATION), ...CONFIGURATION]],
  [
    'apps/ReplicaSet',
    (_object, live) =>
      // Its Deployment scales it.
      live && controllerOf(live) ? [...REVISIONS, ['spec', 'replicas']] : REVISIONS,
  ],
  [
    '/Secret',
    ({ type }) =>
      type === TOKEN_SECRET
        ? [
            ['data', 'token'],
            ['data', 'ca.crt'],
            ['data', 'namespace'],
            annotation('kubernetes.io/service-account.uid'),
          ]
        : [],
  ],
  [
    '/ConfigMap',
    ({ metadata }) =>
      metadata.name === CA_CONFIG_MAP ? [['data', 'ca.crt'], annotation('kubernetes.io/description')] : [],
  ],
  [
    'apiextensions.k8s.io/CustomResourceDefinition',
    (object, live) => (live && isApplicationDefinition(object) ? [['spec']] : []),
  ],
  ['/Service', (object, live) => (live && isOwnService(object) ? [['spec']] : [])],
  [
    '/Endpoints',
    (object, live) => {
      if (isOwnService(object)) return [['subsets'], LAST_CHANGE];
      return live && isOfController(live)
        ? [['subsets'], ['metadata', 'labels'], LAST_CHANGE]
        : [LAST_CHANGE];
    },
  ],
  [
    'discovery.k8s.io/EndpointSlice',
    (object, live) =>
      live && isOwnService(object) ? [['endpoints'], ['ports'], LAST_CHANGE] : [LAST_CHANGE],
  ],
  [
    '/Node',
    () => [
      ['spec', 'podCIDR'],
      ['spec', 'podCIDRs'],
      ['spec', 'providerID'],
      ...['hostname', 'os', 'arch'].map((name) => label(`kubernetes.io/${name}`)),
      ...['os', 'arch'].map((name) => label(`beta.kubernetes.io/${name}`)),
      annotation('node.alpha.kubernetes.io/ttl'),
    ],
  ],
  [
    '/PersistentVolumeClaim',
    () =>
      [
        'pv.kubernetes.io/bind-completed',
        'pv.kubernetes.io/bound-by-controller',
        'volume.kubernetes.io/selected-node',
        'volume.kubernetes.io/storage-provisioner',
        'volume.beta.kubernetes.io/storage-provisioner',
      ].map(annotation),
  ],
  [
    '/PersistentVolume',
    () => [
      ['spec', 'claimRef', 'uid'],
      ['spec', 'claimRef', 'resourceVersion'],
      annotation('pv.kubernetes.io/bound-by-controller'),
    ],
  ],
]);

/** Taints that the node lifecycle controller sets and takes away. */
const isHealthTaint = (taint: unknown): boolean =>
  isRecord(taint) && typeof taint['key'] === 'string' && taint['key'].startsWith('node.kubernetes.io/');

export function ownedPaths(object: KubeObject, live: KubeObject | undefined): readonly Path[] {
  const { group } = parseApiVersion(object.apiVersion);
  return RULES.get(`${group}/${object.kind}`)?.(object, live) ?? [];
}

/** A manifest without what the system owns of it. */
export function withoutOwned(object: KubeObject, live: KubeObject | undefined): KubeObject {
  const cut = ownedPaths(object, live).reduce<unknown>(withoutPath, object) as KubeObject;
  const { spec } = cut;
  if (cut.kind !== 'Node' || !isRecord(spec) || !Array.isArray(spec['taints'])) return cut;
  return { ...cut, spec: { ...spec, taints: spec['taints'].filter((taint) => !isHealthTaint(taint)) } };
}

/** The applied fields without the system's: Git does not remove one when it no longer names it. */
export function withoutOwnedFields(
  applied: FieldSet,
  object: KubeObject,
  live: KubeObject | undefined,
): FieldSet {
  return ownedPaths(object, live).reduce(withoutField, applied);
}

/** An object that replaces the live one as a whole, with what the system owns of that. */
export function withOwnedOf(live: KubeObject, object: KubeObject): KubeObject {
  return ownedPaths(object, live).reduce<unknown>(
    (result, path) => withPath(result, path, getPath(live, ...path)),
    object,
  ) as KubeObject;
}

function withPath(tree: unknown, [head = '', ...rest]: Path, value: unknown): unknown {
  if (value === undefined) return tree;
  const record = isRecord(tree) ? tree : {};
  const inner = rest.length === 0 ? value : withPath(ownMember(record, head), rest, value);
  return { ...record, [head]: inner };
}

function withoutPath(tree: unknown, [head = '', ...rest]: Path): unknown {
  if (!isRecord(tree) || !Object.hasOwn(tree, head)) return tree;
  if (rest.length === 0) return omit(tree, head);
  const inner = withoutPath(tree[head], rest);
  if (inner === tree[head]) return tree;
  // A map that only held what is the system's says nothing any more.
  return isRecord(inner) && Object.keys(inner).length === 0 ? omit(tree, head) : { ...tree, [head]: inner };
}
