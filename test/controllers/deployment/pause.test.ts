/**
 * A paused Deployment is only scaled and reported; its deadline rests, and counts from the resume.
 */
import { describe, expect, it } from 'vitest';
import { planDeployment } from '../../../src/controllers/deployment/plan-deployment.ts';
import { controllerReference } from '../../../src/controllers/ownership.ts';
import type { Plan } from '../../../src/controllers/controller.ts';
import type { Deployment, ReplicaSet } from '../../../src/schemas/types.ts';
import { aDeployment, aReplicaSet } from '../../support/builders.ts';

const PAUSED_AT = Date.parse('2026-01-01T00:00:00Z');
const HOUR_MS = 3_600_000;

/** The template was changed while the Deployment was paused. */
function changed(paused: boolean, reason: string, meta: { readonly deletionTimestamp?: string } = {}) {
  const at = new Date(PAUSED_AT).toISOString();
  const condition = { type: 'Progressing', status: 'Unknown' as const, reason };
  return aDeployment({
    replicas: 5,
    image: 'registry.example/app:2',
    spec: { paused },
    status: {
      replicas: 5,
      readyReplicas: 5,
      availableReplicas: 5,
      conditions: [{ ...condition, lastUpdateTime: at, lastTransitionTime: at }],
    },
    ...meta,
  });
}

function look(deployment: Deployment, nowMs: number, others: readonly ReplicaSet[] = []): Plan {
  const old = aReplicaSet({
    name: 'web-old',
    replicas: 5,
    ownerReferences: [controllerReference(deployment)],
    labels: { app: 'web' },
    annotations: { 'deployment.kubernetes.io/desired-replicas': '5' },
    status: { replicas: 5, readyReplicas: 5, availableReplicas: 5, observedGeneration: 1 },
  });
  const replicaSets = [old, ...others];
  const rest = { pods: [], orphans: [], isNameTaken: () => false };
  return planDeployment({ deployment, replicaSets, ...rest }, nowMs);
}

describe('a paused Deployment', () => {
  it('touches no ReplicaSet for a new template', () => {
    const { writes } = look(changed(true, 'DeploymentPaused'), PAUSED_AT + HOUR_MS);
    expect(writes.map(({ verb, object }) => [verb, object.kind])).toEqual([['update', 'Deployment']]);
  });

  it('is not looked at again for a deadline that rests', () => {
    expect(look(changed(true, 'DeploymentPaused'), PAUSED_AT + HOUR_MS).requeueAfterMs).toBeUndefined();
  });

  it('is not looked at again for a deadline while it is being deleted', () => {
    const deployment = changed(false, 'ReplicaSetUpdated', { deletionTimestamp: '2026-01-01T00:00:00Z' });
    expect(look(deployment, PAUSED_AT + HOUR_MS).requeueAfterMs).toBeUndefined();
  });

  it('makes the new ReplicaSet when it is resumed, and its deadline counts from then', () => {
    const deployment = changed(false, 'DeploymentResumed');
    const created = look(deployment, PAUSED_AT).writes.find(({ verb }) => verb === 'create')?.object;
    const replicaSet = created as ReplicaSet;
    expect(replicaSet.spec.replicas).toBe(2);
    const revision = replicaSet.metadata.annotations?.['deployment.kubernetes.io/revision'];
    const annotations = { 'deployment.kubernetes.io/revision': revision ?? '' };
    const seen = { ...deployment, metadata: { ...deployment.metadata, annotations } };
    const next = look(seen, PAUSED_AT + 60_000, [{ ...replicaSet, status: { replicas: 0 } }]);
    expect(next.requeueAfterMs).toBe(541_000);
  });
});
