/** Defaults of Deployments and ReplicaSets (apps/v1) and of ReplicationControllers (v1). */
import { isRecord, jsonClone } from '../../base/json.ts';
import { type Draft, dropZero, ensurePart, fill, fillZero, part } from './draft.ts';
import { defaultPodSpec } from './pod-spec.ts';

/** Fills the defaults of the template in `holder`. */
export function defaultTemplate(holder: Draft | undefined): void {
  const template = part(holder, 'template');
  defaultPodSpec(part(template, 'spec'));
}

export function defaultReplicaSetSpec(spec: Draft | undefined): void {
  dropZero(spec, ['minReadySeconds']);
  fill(spec, { replicas: 1 });
  defaultTemplate(spec);
}

/** Its selector and its own labels default to those of its pods. */
export function defaultReplicationController(draft: Draft, spec: Draft | undefined): void {
  const labels = part(part(part(spec, 'template'), 'metadata'), 'labels');
  if (spec && labels && isEmpty(spec['selector'])) spec['selector'] = jsonClone(labels);
  const metadata = ensurePart(draft, 'metadata');
  if (metadata && labels && isEmpty(metadata['labels'])) metadata['labels'] = jsonClone(labels);
  defaultReplicaSetSpec(spec);
}

const isEmpty = (map: unknown): boolean =>
  map === undefined || map === null || (isRecord(map) && Object.keys(map).length === 0);

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
