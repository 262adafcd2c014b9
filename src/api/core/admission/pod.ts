/**
 * What the server adds to a new pod: the service account's name, the usual five minutes of tolerance for a node that
 * is away, and the priority. Sources: the admission plug-ins ServiceAccount, DefaultTolerationSeconds and Priority.
 */
import { objectKey } from '../../../schemas/object.ts';
import type { ResourceKind } from '../../../schemas/resource-kind.ts';
import type { Pod, PodSpec, Toleration } from '../../../schemas/types.ts';
import { forbidden } from '../refusals.ts';
import type { AdmissionRule } from './types.ts';

const SERVICE_ACCOUNTS = { group: '', plural: 'serviceaccounts' } as const;
const DEFAULT_ACCOUNT = 'default';
const AWAY_TAINTS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'] as const;
/** How long a pod stays bound to a node that is not ready or unreachable. */
const AWAY_SECONDS = 300;

/** Classes that every cluster has. */
const SYSTEM_PRIORITIES: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
};

const isPod = (kind: ResourceKind): boolean => kind.group === '' && kind.kind === 'Pod';

export const podDefaults: AdmissionRule = {
  name: 'PodDefaults',
  applies: ({ kind, operation }) => isPod(kind) && operation === 'create',
  async admit({ kind, object }, { snapshots }) {
    const pod = object as Pod;
    const { metadata, spec } = pod;
    const account = spec.serviceAccountName || spec.serviceAccount || DEFAULT_ACCOUNT;
    if (account !== DEFAULT_ACCOUNT) {
      const accounts = await snapshots.open(SERVICE_ACCOUNTS);
      const key = objectKey(metadata.namespace, account);
      if (!accounts.hub.cache.get(key)) await accounts.refresh();
      if (!accounts.hub.cache.get(key)) {
        const why = `error looking up service account ${key}: serviceaccount "${account}" not found`;
        throw forbidden(kind, metadata.name ?? '', why);
      }
    }
    const { priority, preemptionPolicy } = priorityOf(kind, pod);
    return {
      ...pod,
      spec: {
        ...spec,
        serviceAccountName: account,
        serviceAccount: account,
        tolerations: withAwayTolerations(spec.tolerations ?? []),
        priority,
        preemptionPolicy,
        enableServiceLinks: spec.enableServiceLinks ?? true,
      } satisfies PodSpec,
    };
  },
};

function withAwayTolerations(tolerations: readonly Toleration[]): Toleration[] {
  const missing = AWAY_TAINTS.filter((taint) => !tolerations.some((toleration) => covers(toleration, taint)));
  return [
    ...tolerations,
    ...missing.map(
      (key): Toleration => ({
        key,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: AWAY_SECONDS,
      }),
    ),
  ];
}

function covers({ key, effect }: Toleration, taint: string): boolean {
  return (!key || key === taint) && (!effect || effect === 'NoExecute');
}

interface Priority {
  readonly priority: number;
  readonly preemptionPolicy: NonNullable<PodSpec['preemptionPolicy']>;
}

function priorityOf(kind: ResourceKind, { metadata, spec }: Pod): Priority {
  const className = spec.priorityClassName ?? '';
  const known = className === '' ? 0 : SYSTEM_PRIORITIES[className];
  if (known === undefined)
    throw forbidden(kind, metadata.name ?? '', `no PriorityClass with name ${className} was found`);
  if (spec.priority !== undefined && spec.priority !== known) {
    const why = `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${known} from the given PriorityClass name`;
    throw forbidden(kind, metadata.name ?? '', why);
  }
  return { priority: known, preemptionPolicy: spec.preemptionPolicy ?? 'PreemptLowerPriority' };
}
