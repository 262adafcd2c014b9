/** The newest ReplicaSet and the revisions; upstream's getNewReplicaSet, pure. */
import { ownMember } from '../../base/json.ts';
import type { Deployment, PodTemplate, ReplicaSet } from '../../schemas/types.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import type { Plan } from '../controller.ts';
import { controllerReference, statusUpdate } from '../ownership.ts';
import type { PlannedEvent } from '../planned-event.ts';
import {
  conditionOf,
  type DeploymentStatus,
  type Family,
  hasProgressDeadline,
  type NewCondition,
  progressing,
  withCondition,
} from './deployment-status.ts';
import { createFailureText, deploymentEvent, type Draft, scaledEvent } from './replica-set-draft.ts';
import { newReplicaSetAnnotations, REVISION, revisionAfter, withSize } from './revisions.ts';
import { maxSurge, newReplicaSetSize, sizeOf, wantedReplicas } from './rollout-math.ts';
import { HASH_LABEL, templateHash } from './template-hash.ts';

/** `done`: the plan ends here, with these writes; otherwise it goes on. */
export type NewReplicaSetStep =
  | { readonly done: true; readonly writes: readonly Write[]; readonly events: readonly PlannedEvent[] }
  | { readonly done: false };

const GO_ON: NewReplicaSetStep = { done: false };

/** The longest name of a ReplicaSet whose pods' names still fit. */
const MAX_NAME_LENGTH = 253 - 6;

interface Input {
  readonly deployment: Deployment;
  readonly nowMs: number;
  isNameTaken(name: string): boolean;
}

export function planNewReplicaSet(
  input: Input,
  family: Family,
  draft: Draft,
  mayCreate: boolean,
): NewReplicaSetStep {
  const { newReplicaSet, oldReplicaSets } = family;
  const newRevision = revisionAfter(oldReplicaSets);
  if (newReplicaSet) return planExisting(input, newReplicaSet, draft, newRevision);
  return mayCreate ? planCreation(input, family, newRevision) : GO_ON;
}

/** Brings annotations and minReadySeconds up to date, then shows the revision. */
function planExisting(
  { deployment, nowMs }: Input,
  newReplicaSet: ReplicaSet,
  draft: Draft,
  newRevision: bigint,
): NewReplicaSetStep {
  const current = draft.current(newReplicaSet);
  const before = current.metadata.annotations ?? {};
  const annotations = newReplicaSetAnnotations(deployment, current, newRevision);
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0;
  const annotationsChanged = Object.keys(annotations).some(
    (key) => annotations[key] !== ownMember(before, key),
  );
  if (annotationsChanged || (current.spec.minReadySeconds ?? 0) !== minReadySeconds) {
    const spec = { ...current.spec, minReadySeconds };
    if (minReadySeconds === 0) delete (spec as Partial<typeof spec>).minReadySeconds;
    draft.change({ ...current, metadata: { ...current.metadata, annotations }, spec });
    return GO_ON;
  }
  const message = `Found new replica set "${current.metadata.name}"`;
  const unseen = hasProgressDeadline(deployment) && !conditionOf(deployment.status, 'Progressing');
  const revision = annotations[REVISION] ?? '';
  if (!unseen && deployment.metadata.annotations?.[REVISION] === revision) return GO_ON;
  const condition = unseen ? progressing('True', 'FoundNewReplicaSet', message) : undefined;
  return { done: true, writes: [statusWrite(deployment, revision, condition, nowMs)], events: [] };
}

function planCreation(input: Input, family: Family, newRevision: bigint): NewReplicaSetStep {
  const { deployment, nowMs } = input;
  const collisionCount = deployment.status?.collisionCount;
  const created = newReplicaSetOf(family, newRevision);
  if (input.isNameTaken(created.metadata.name)) {
    // Somebody else's ReplicaSet has the name: another hash gives another name.
    const status: DeploymentStatus = { ...deployment.status, collisionCount: (collisionCount ?? 0) + 1 };
    const object = { ...deployment, status };
    return { done: true, writes: [statusUpdate(object)], events: [] };
  }
  const message = `Created new replica set "${created.metadata.name}"`;
  const condition = hasProgressDeadline(deployment)
    ? progressing('True', 'NewReplicaSetCreated', message)
    : undefined;
  const size = sizeOf(created);
  return {
    done: true,
    writes: [
      { verb: 'create', object: created },
      statusWrite(deployment, String(newRevision), condition, nowMs),
    ],
    events: size > 0 ? [scaledEvent(deployment, created.metadata.name, 0, size)] : [],
  };
}

function newReplicaSetOf({ deployment, oldReplicaSets }: Family, newRevision: bigint): ReplicaSet {
  const { template } = deployment.spec;
  const hash = templateHash(template, deployment.status?.collisionCount);
  const total = oldReplicaSets.reduce((sum, set) => sum + sizeOf(set), 0);
  const annotations = newReplicaSetAnnotations(deployment, undefined, newRevision);
  return replicaSetOf(deployment, hash, {
    annotations,
    replicas: newReplicaSetSize(deployment, total, 0),
    template: withHash(template, hash),
  });
}

export function withHash(template: PodTemplate, hash: string): PodTemplate {
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
  return { ...template, metadata: { ...template.metadata, labels } };
}

/** The name of a Deployment's ReplicaSet. */
export function replicaSetName({ metadata }: Deployment, hash: string): string {
  return `${metadata.name.slice(0, MAX_NAME_LENGTH - hash.length - 1)}-${hash}`;
}

/** A ReplicaSet of the Deployment, for a template with the label of its hash. */
export function replicaSetOf(
  deployment: Deployment,
  hash: string,
  { annotations, replicas, template }: ReplicaSetParts,
): ReplicaSet {
  const { selector, minReadySeconds } = deployment.spec;
  const { namespace } = deployment.metadata;
  const wanted = wantedReplicas(deployment);
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: replicaSetName(deployment, hash),
      ...(namespace ? { namespace } : {}),
      labels: { ...template.metadata?.labels },
      annotations: withSize(annotations, wanted, wanted + maxSurge(deployment)),
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas,
      ...(minReadySeconds ? { minReadySeconds } : {}),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
      template,
    },
  };
}

interface ReplicaSetParts {
  readonly annotations: Readonly<Record<string, string>>;
  readonly replicas: number;
  readonly template: PodTemplate;
}

/** Writes the annotations with the status, as upstream does: one change, not two. */
function statusWrite(
  deployment: Deployment,
  revision: string,
  condition: NewCondition | undefined,
  nowMs: number,
): Write {
  const status = condition ? withCondition(deployment.status ?? {}, condition, nowMs) : deployment.status;
  const annotations = { ...deployment.metadata.annotations, [REVISION]: revision };
  const object = {
    ...deployment,
    metadata: { ...deployment.metadata, annotations },
    ...(status ? { status } : {}),
  };
  return statusUpdate(object);
}

/** Says that the Deployment was paused or resumed; while it is paused its deadline does not run. */
export function planPauseCondition(deployment: Deployment, nowMs: number): Plan | undefined {
  if (!hasProgressDeadline(deployment)) return undefined;
  const current = conditionOf(deployment.status, 'Progressing');
  if (current?.reason === 'ProgressDeadlineExceeded') return undefined;
  const saysPaused = current?.reason === 'DeploymentPaused';
  const paused = deployment.spec.paused === true;
  if (paused === saysPaused) return undefined;
  const condition = paused
    ? progressing('Unknown', 'DeploymentPaused', 'Deployment is paused')
    : progressing('Unknown', 'DeploymentResumed', 'Deployment is resumed');
  const status = withCondition(deployment.status ?? {}, condition, nowMs);
  return { writes: [statusUpdate({ ...deployment, status })] };
}

/** The ReplicaSet was refused: no progress until the template changes. */
export function planCreateFailure(deployment: Deployment, cause: string, nowMs: number): Plan {
  const events = [deploymentEvent('createFailed', deployment, cause)];
  if (!hasProgressDeadline(deployment)) return { writes: [], events };
  const condition = progressing('False', 'ReplicaSetCreateError', createFailureText(cause));
  const status = withCondition(deployment.status ?? {}, condition, nowMs);
  return { writes: [statusUpdate({ ...deployment, status })], events };
}
