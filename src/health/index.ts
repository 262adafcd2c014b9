/**
 * Health of one object, by its kind. A kind without an assessor is healthy once it exists.
 * `explain` says why an object is not healthy. Pure.
 */
import type { KubeObject } from '../schemas/object.ts';
import { parseApiVersion } from '../schemas/object.ts';
import { builtinRegistry } from '../schemas/registry.ts';
import { assessNestedApplication } from './application.ts';
import { assessCustomResource, assessDefinition } from './custom-resource.ts';
import { assessDaemonSet } from './daemon-set.ts';
import { assessCronJob } from './cron-job.ts';
import { assessDeployment } from './deployment.ts';
import { assessGateway, assessRoute } from './gateway.ts';
import { assessIngress } from './ingress.ts';
import { assessJob } from './job.ts';
import { assessPersistentVolumeClaim } from './persistent-volume-claim.ts';
import { assessAutoscaler } from './horizontal-pod-autoscaler.ts';
import { assessPod } from './pod.ts';
import { assessReplicaSet } from './replica-set.ts';
import { assessService } from './service.ts';
import { assessStatefulSet } from './stateful-set.ts';
import { type Assessor, type Health, healthy, progressing } from './types.ts';

const ASSESSORS: ReadonlyMap<string, Assessor> = new Map<string, Assessor>([
  ['apps/Deployment', assessDeployment],
  ['batch/CronJob', assessCronJob],
  ['apps/ReplicaSet', assessReplicaSet],
  ['apps/DaemonSet', assessDaemonSet],
  ['apps/StatefulSet', assessStatefulSet],
  ['/ReplicationController', assessReplicaSet],
  ['batch/Job', assessJob],
  ['/Pod', assessPod],
  ['autoscaling/HorizontalPodAutoscaler', assessAutoscaler],
  ['/Service', assessService],
  ['gateway.networking.k8s.io/Gateway', assessGateway],
  ['gateway.networking.k8s.io/HTTPRoute', assessRoute],
  ['gateway.networking.k8s.io/GRPCRoute', assessRoute],
  ['networking.k8s.io/Ingress', assessIngress],
  ['/PersistentVolumeClaim', assessPersistentVolumeClaim],
  ['argoproj.io/Application', assessNestedApplication],
  ['apiextensions.k8s.io/CustomResourceDefinition', assessDefinition],
]);

export function assess(object: KubeObject | undefined): Health {
  if (!object) return { status: 'Missing', message: '' };
  if (object.metadata.deletionTimestamp !== undefined) return progressing('Pending deletion');
  const { group } = parseApiVersion(object.apiVersion);
  const assessor = ASSESSORS.get(`${group}/${object.kind}`);
  if (assessor) return assessor(object);
  return isCustomGroup(group) ? assessCustomResource(object) : healthy;
}

/** Kinds of the system's own groups have an assessor, or nothing that could go wrong. */
const systemGroups: ReadonlySet<string> = new Set(builtinRegistry.kinds.map(({ group }) => group));
const isCustomGroup = (group: string): boolean => group.includes('.') && !systemGroups.has(group);

export { explain, weightOf } from './explain.ts';
export { type Cause, type Health, type HealthStatus, type Surroundings, isWorse, worstOf } from './types.ts';
export { createWarningIndex } from './warning-index.ts';
