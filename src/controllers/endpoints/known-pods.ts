/**
 * Facts about the pods of a Service. Few of thousands change between two reconciles: the facts of
 * the others are kept, and so is the identity of each kept fact. Pure.
 */
import type { Pod, Service } from '../../schemas/types.ts';

export interface PodFact {
  /** When the pod last became ready or unready; '' where nobody said. */
  readonly readySince: string;
}

/** What the last reconcile of a Service knew. */
export interface KnownPods<F extends PodFact = PodFact> {
  readonly service: Service;
  /** The pods that may belong to the Service, in the order of their cache. */
  readonly candidates: readonly Pod[];
  /** One for each candidate. Undefined: the Service does not select it. */
  readonly facts: readonly (F | undefined)[];
  /** All else that the facts were made from. */
  readonly context?: object;
}

export interface Change<F extends PodFact> {
  readonly fact: F | undefined;
  readonly before: F | undefined;
}

export interface Learned<F extends PodFact> {
  readonly known: KnownPods<F>;
  readonly changes: readonly Change<F>[];
}

export function learnPods<F extends PodFact>(
  now: Omit<KnownPods<F>, 'facts'>,
  factOf: (pod: Pod) => F | undefined,
  last: KnownPods<F> | undefined,
): Learned<F> {
  const isSame = last?.service === now.service && last.context === now.context;
  const places = last ? placesOf(last.candidates) : () => -1;
  const changes: Change<F>[] = [];
  const facts = now.candidates.map((pod, index) => {
    const place = places(pod, index);
    const before = last?.facts[place];
    if (isSame && last.candidates[place] === pod) return before;
    const fact = factOf(pod);
    changes.push({ fact, before });
    return fact;
  });
  return { known: { ...now, facts }, changes };
}

/** Finds pods by name. Most are where they were: the others alone need an index. */
function placesOf(pods: readonly Pod[]): (pod: Pod, index: number) => number {
  let byName: ReadonlyMap<string, number> | undefined;
  return (pod, index) => {
    if (pods[index] === pod) return index;
    const { name } = pod.metadata;
    if (pods[index]?.metadata.name === name) return index;
    byName ??= new Map(pods.map(({ metadata }, place) => [metadata.name, place]));
    return byName.get(name) ?? -1;
  };
}
