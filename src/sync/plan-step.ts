/**
 * What of a step can be written now, where it brings definitions of custom resources and their objects: the definitions go alone,
 * and the objects wait until theirs is established. Pure.
 */
import type { Change } from '../diff/change-set.ts';
import { DEFINITION_RESOURCE } from '../schemas/custom/definition.ts';
import { type ResourceKind, resourceIdOf } from '../schemas/resource-kind.ts';

export interface StepPlan {
  readonly step: readonly Change[];
  /** Set where nothing can be written before something else has happened. */
  readonly waitingFor: string | undefined;
}

export function planStep(step: readonly Change[], isServed: (kind: ResourceKind) => boolean): StepPlan {
  const changed = step.filter(
    ({ action, kind }) => action !== 'delete' && resourceIdOf(kind) === DEFINITION_RESOURCE,
  );
  // What else is in the step is planned again, with what the definitions then say.
  if (changed.length > 0 && changed.length < step.length) return { step: changed, waitingFor: undefined };
  const ready = step.filter(({ kind }) => isServed(kind));
  if (ready.length > 0) return { step: ready, waitingFor: undefined };
  const [first] = step;
  return { step: [], waitingFor: first && `the definition of ${resourceIdOf(first.kind)}` };
}
