/** Health in Argo CD's words. */
import type { KubeObject } from '../schemas/object.ts';

export type HealthStatus = 'Healthy' | 'Progressing' | 'Degraded' | 'Suspended' | 'Missing' | 'Unknown';

export interface Health {
  readonly status: HealthStatus;
  /** For people; empty when there is nothing to say. */
  readonly message: string;
}

export type Assessor = (object: KubeObject) => Health;

export const healthy: Health = { status: 'Healthy', message: '' };
export const progressing = (message: string): Health => ({ status: 'Progressing', message });
export const degraded = (message: string): Health => ({ status: 'Degraded', message });

/** From best to worst: the health of a whole is that of its worst part. */
const ORDER: readonly HealthStatus[] = [
  'Healthy',
  'Suspended',
  'Progressing',
  'Missing',
  'Degraded',
  'Unknown',
];

export function isWorse(a: HealthStatus, b: HealthStatus): boolean {
  return ORDER.indexOf(a) > ORDER.indexOf(b);
}

export function worstOf(healths: Iterable<Health>): Health {
  let worst = healthy;
  for (const health of healths) if (isWorse(health.status, worst.status)) worst = health;
  return worst;
}
