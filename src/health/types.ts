/** Health in Argo CD's words. */
import type { KubeObject } from '../schemas/object.ts';

/** From best to worst: the health of a whole is that of its worst part. */
export const healthStatuses = [
  'Healthy',
  'Suspended',
  'Progressing',
  'Missing',
  'Degraded',
  'Unknown',
] as const;
export type HealthStatus = (typeof healthStatuses)[number];

export interface Health {
  readonly status: HealthStatus;
  /** For people; empty when there is nothing to say. */
  readonly message: string;
}

export type Assessor = (object: KubeObject) => Health;

export const healthy: Health = { status: 'Healthy', message: '' };
export const progressing = (message: string): Health => ({ status: 'Progressing', message });
export const degraded = (message: string): Health => ({ status: 'Degraded', message });

export const isWorse = (a: HealthStatus, b: HealthStatus): boolean =>
  healthStatuses.indexOf(a) > healthStatuses.indexOf(b);

export function worstOf(healths: Iterable<Health>): Health {
  let worst = healthy;
  for (const health of healths) if (isWorse(health.status, worst.status)) worst = health;
  return worst;
}

/** The reason why an object is not healthy. */
export interface Cause {
  /** `failing`: waiting does not help. `waiting`: it may. */
  readonly severity: 'failing' | 'waiting';
  /** One line. */
  readonly text: string;
  /** The text only states that something waits: any other cause explains more. */
  readonly vague?: true;
}

/** The reason of the event of a container that kubelet kills. */
export const KILLING = 'Killing';

/** A Warning event (or a container's being killed), as far as it explains something. */
export interface Warning {
  readonly reason: string;
  readonly message: string;
  /** `api`, where the event is about this container of a pod. */
  readonly container: string | undefined;
  /** When this reason was first and last given. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Further inputs of an explanation. Each lookup costs the same however many objects there are. */
export interface Surroundings {
  /** The newest ReplicaSet of a Deployment, or Job of a CronJob; any other object itself. */
  creatorOf(workload: KubeObject): KubeObject | undefined;
  /** The pods that the creator controls; a Pod itself. */
  podsOf(workload: KubeObject): readonly KubeObject[];
  nodeOf(name: string): KubeObject | undefined;
  /** The claims that the pod names, as far as they exist. */
  claimsOf(pod: KubeObject): readonly KubeObject[];
  /** Newest first, without those that have been overcome since. */
  warningsAbout(object: KubeObject): readonly Warning[];
}
