/** The `fake/*` annotations of a pod, which steer its fake life. */
import type { Pod } from '../../../src/schemas/types.ts';

export const annotation = (pod: Pod, name: string): string | undefined =>
  pod.metadata.annotations?.[`fake/${name}`];

/** Undefined for an annotation that is absent, or is no number. */
export function delayMs(pod: Pod, name: string): number | undefined {
  const text = annotation(pod, name);
  return text === undefined || Number.isNaN(Number(text)) ? undefined : Number(text) * 1000;
}

/**
 * `turn`: how many pods of the same owner started before. Undefined: the containers keep running.
 */
export function exitCodeOf(pod: Pod, turn: number): number | undefined {
  const index = pod.metadata.annotations?.['batch.kubernetes.io/job-completion-index'];
  const byIndex = (annotation(pod, 'exit-by-index') ?? '')
    .split(',')
    .find((rule) => rule.startsWith(`${index}=`));
  const sequence = annotation(pod, 'exit-seq')?.split(',');
  const text = byIndex?.split('=')[1] ?? sequence?.[turn] ?? sequence?.at(-1) ?? annotation(pod, 'exit');
  return text === undefined || Number.isNaN(Number(text)) ? undefined : Number(text);
}
