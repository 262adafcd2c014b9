/**
 * The part of a step that can be written now, in the order that admission needs: an object that a
 * policy reads is stored, and seen, before the objects that it governs. Pure.
 *
 * Objects of a custom kind wait until its definition is established. Bindings come after their
 * roles. Objects that a new quota counts wait for its first count: before that it limits nothing.
 */
import type { Change } from '../../diff/change-set.ts';
import { DEFINITION_RESOURCE } from '../../schemas/custom/index.ts';
import { isCountedBy } from '../../schemas/quota/usage.ts';
import { asRecord } from '../../schemas/json-access.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import { type ResourceKind, resourceIdOf } from '../../schemas/resource-kind.ts';

export interface StepPlan {
  readonly step: readonly Change[];
  /** Set where nothing can be written before something else has happened. */
  readonly waitingFor: string | undefined;
}

export interface StepView {
  /** Whether objects of the kind can be written now: its definition is established. */
  isServed(kind: ResourceKind): boolean;
  /** Quotas that were written and have not been counted yet. */
  readonly uncounted: readonly KubeObject[];
}

const RBAC = 'rbac.authorization.k8s.io';
/** Each stage is written, and seen by admission, before the next one. Unlisted kinds come last. */
const STAGES: readonly (readonly string[])[] = [
  [DEFINITION_RESOURCE],
  ['namespaces'],
  [
    'limitranges',
    'resourcequotas',
    'serviceaccounts',
    `roles.${RBAC}`,
    `clusterroles.${RBAC}`,
    'priorityclasses.scheduling.k8s.io',
    'runtimeclasses.node.k8s.io',
    'storageclasses.storage.k8s.io',
    'ingressclasses.networking.k8s.io',
  ],
  [`rolebindings.${RBAC}`, `clusterrolebindings.${RBAC}`],
];
const STAGE_OF: ReadonlyMap<string, number> = new Map(
  STAGES.flatMap((resources, stage) => resources.map((resource) => [resource, stage] as const)),
);

const stageOf = ({ kind }: Change): number => STAGE_OF.get(resourceIdOf(kind)) ?? STAGES.length;

export function planStep(step: readonly Change[], view: StepView): StepPlan {
  const writes = step.filter(({ action }) => action !== 'delete');
  const first = Math.min(...writes.map(stageOf));
  const staged = writes.filter((change) => stageOf(change) === first);
  // The rest of the step is planned again, under the policies that these bring.
  if (first < STAGES.length && staged.length < step.length) return { step: staged, waitingFor: undefined };
  const served = step.filter(({ kind }) => view.isServed(kind));
  const ready = served.filter((change) => quotaInTheWay(change, view.uncounted) === undefined);
  if (ready.length > 0) return { step: ready, waitingFor: undefined };
  const [waiting] = served;
  const quota = waiting && quotaInTheWay(waiting, view.uncounted);
  if (quota) return { step: [], waitingFor: `the first count of ResourceQuota "${keyOf(quota)}"` };
  const [unserved] = step;
  return { step: [], waitingFor: unserved && `the definition of ${resourceIdOf(unserved.kind)}` };
}

/** Only a new object takes from a quota here; what grows later does so under the counted one. */
function quotaInTheWay(
  { action, kind, object }: Change,
  uncounted: readonly KubeObject[],
): KubeObject | undefined {
  if (action !== 'create') return undefined;
  return uncounted.find(
    (quota) =>
      quota.metadata.namespace === object.metadata.namespace &&
      Object.keys(asRecord(asRecord(quota['spec'])['hard'])).some((name) => isCountedBy(kind, name)),
  );
}
