/** Where the replay differs from the recorded Kubernetes on purpose, each with its reason. */
import { isRecord } from '../../../src/base/json.ts';

/**
 * Stories begin with the short name of their kind. Those of controllers that are not here are left
 * out, and so are their fixtures.
 */
const KINDS = [
  'deploy',
  'rs',
  // Their `maxUnavailable` counts here; the recorded cluster dropped it, as its gate was off. What
  // is judged (the most pods, the events, the end) is the same.
  'sts',
  'ds',
  'gc',
  'namespace',
  'node',
  'podgc',
  'taint',
  'pdb',
  'quota',
  'limitrange',
  'job',
  'cron',
  'pvc?',
  'ep',
  'hpa',
];

export const STORIES = new RegExp(`^(${KINDS.join('|')})-`);

/** Said once here; upstream says it again at each look, and looks again after its own write. */
export const repeated: ReadonlySet<string> = new Set([
  'NoPods',
  'UnmanagedPods',
  'UnexpectedJob',
  'JobAlreadyActive',
  'ProvisioningFailed',
]);

/** The fake kubelet places pods, without events. */
export const saidByScheduler: ReadonlySet<string> = new Set(['FailedScheduling']);

/**
 * Admission enforces what the controllers then have to pass: quotas, limits, and that nothing is
 * made in a namespace that is being deleted.
 */
export const needsAdmission = (steps: unknown): boolean =>
  /"kind":"(ResourceQuota|LimitRange)"|"delete":\{"kind":"Namespace"/.test(JSON.stringify(steps));

/**
 * Stories in which the pods of a ReplicaSet go in one commit (or close enough for one look at
 * them), where Kubernetes deletes them one by one: the states in between, with some of them
 * deleted, do not occur.
 */
export const deletedAtOnce: ReadonlySet<string> = new Set(['namespace-delete', 'rs-delete-foreground']);

/**
 * All pods of a DaemonSet are made in one commit, where Kubernetes makes them one by one: the states
 * in between, with only some of them, do not occur.
 */
export function isPartOfCreation({ status }: Readonly<Record<string, unknown>>): boolean {
  const counts = isRecord(status) ? status : {};
  const [current, desired] = [counts['currentNumberScheduled'], counts['desiredNumberScheduled']];
  return counts['numberReady'] === 0 && Number(current) > 0 && Number(current) < Number(desired);
}

/** Kinds of other controllers, and one vendor's own ConfigMap. */
const OTHER_OBJECTS = /^ResourceQuota\/|openshift/;

/**
 * Admission (service account volumes, default tolerations) and a real kubelet write these into
 * pods.
 */
const POD_FIELDS: Readonly<Record<string, readonly string[]>> = {
  spec: [
    'volumes',
    'tolerations',
    'priority',
    'preemptionPolicy',
    'serviceAccount',
    'serviceAccountName',
    'nodeName',
  ],
  status: ['containerStatuses', 'hostIP', 'hostIPs', 'podIP', 'podIPs', 'qosClass', 'startTime'],
};

/**
 * Recorded without the node lifecycle controller, which is always on here: the Node ends up with
 * more taints.
 */
const WITHOUT_NODE_LIFECYCLE = /^(podgc|taint|ds)-/;

/** The recorded end state without what other parts of the system put there. */
export function withoutDeliberate(story: string, final: Record<string, unknown>): Record<string, unknown> {
  const kept = Object.entries(final).filter(
    ([label]) =>
      !OTHER_OBJECTS.test(label) && !(label.startsWith('Node/') && WITHOUT_NODE_LIFECYCLE.test(story)),
  );
  return Object.fromEntries(kept.map(([label, object]) => [label, clean(label, object)]));
}

function clean(label: string, recorded: unknown): unknown {
  const object = structuredClone(recorded) as Record<string, unknown>;
  if (label.startsWith('Pod/')) {
    for (const [part, fields] of Object.entries(POD_FIELDS)) {
      const section = object[part];
      if (isRecord(section)) for (const field of fields) delete section[field];
    }
    const spec = object['spec'];
    const containers = isRecord(spec) && Array.isArray(spec['containers']) ? spec['containers'] : [];
    for (const container of containers) delete (container as Record<string, unknown>)['volumeMounts'];
  }
  if (label.startsWith('Node/')) cleanNode(object);
  if (/^Endpoint(s|Slice)\//.test(label)) return cleanEndpoints(object);
  // The bundle itself is the recording cluster's.
  if (label.endsWith('kube-root-ca.crt')) delete object['data'];
  return object;
}

/**
 * Nodes are the scheduler's choice. The generation counts how many changes of pods were seen at
 * once.
 */
function cleanEndpoints(object: Record<string, unknown>): unknown {
  const { metadata } = object;
  if (isRecord(metadata)) delete metadata['generation'];
  return JSON.parse(
    JSON.stringify(object, (key, value: unknown) => (key === 'nodeName' ? undefined : value)),
  );
}

/**
 * Not kept here: the ttl annotation (a hint to kubelets about caching Secrets), the deprecated
 * `beta.kubernetes.io` labels, and the empty members that Go writes into a node's status.
 */
function cleanNode(node: Record<string, unknown>): void {
  const { metadata, status } = node;
  if (isRecord(metadata)) {
    delete metadata['annotations'];
    if (isRecord(metadata['labels'])) delete metadata['labels']['beta.kubernetes.io/os'];
  }
  if (isRecord(status)) for (const field of ['daemonEndpoints', 'nodeInfo']) delete status[field];
}

/** Upstream shows its internal form of a template that must not change: two kilobytes of nulls. */
export const withoutShownTemplates = (text: string): string =>
  text.replace(/(spec\.template: |^)Invalid value: \{.*\}: field is immutable/, '$1field is immutable');
