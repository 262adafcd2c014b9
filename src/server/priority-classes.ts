/** The two PriorityClasses that every cluster has, made when a leader begins. */
import { systemPriorityClasses } from '../schemas/pods/priorities.ts';
import { isStatusError } from '../schemas/errors/status.ts';
import type { BoundWriter } from '../resources/writing/write-plan.ts';
import type { CommitOptions, Store } from '../store/types.ts';

export async function ensurePriorityClasses(
  store: Store,
  writer: BoundWriter,
  options: CommitOptions,
): Promise<void> {
  for (const object of systemPriorityClasses) {
    if (await store.get('priorityclasses.scheduling.k8s.io', object.metadata.name)) continue;
    try {
      await writer.write({ writes: [{ verb: 'create', object }] }, options);
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    }
  }
}
