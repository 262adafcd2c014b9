/** Defaults of Deployments and ReplicaSets (apps/v1). */
import { type Draft, dropZero, fill, fillZero, part } from './draft.ts';
import { defaultPodSpec } from './pod-spec.ts';

export function defaultTemplate(spec: Draft | undefined): void {
  const template = part(spec, 'template');
  defaultPodSpec(part(template, 'spec'));
}

export function defaultReplicaSetSpec(spec: Draft | undefined): void {
  dropZero(spec, ['minReadySeconds']);
  fill(spec, { replicas: 1 });
  defaultTemplate(spec);
}

export function defaultDeploymentSpec(spec: Draft | undefined): void {
  dropZero(spec, ['minReadySeconds', 'paused']);
  fill(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 });
  defaultTemplate(spec);
  const strategy = part(spec, 'strategy');
  fillZero(strategy, { type: 'RollingUpdate' });
  if (!strategy || strategy['type'] !== 'RollingUpdate') return;
  fill(strategy, { rollingUpdate: {} });
  fill(part(strategy, 'rollingUpdate'), { maxUnavailable: '25%', maxSurge: '25%' });
}
