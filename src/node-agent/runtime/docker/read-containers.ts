/** The records of the node's containers. A quick list inspects only those that changed. */
import { createSlots } from '../../../base/slots.ts';
import { type ContainerRecord, type ContainerRuntime, RuntimeError } from '../types.ts';
import { isAsRecorded, toContainerRecord } from './container-record.ts';
import type { Engine } from './engine.ts';
import type { LinkedContainers } from './linked-containers.ts';
import type { Ownership } from './ownership.ts';

/** Inspections at once during a list. More would hold up the start of containers. */
const INSPECT_CONCURRENCY = 8;

export const isMissing = (error: unknown): boolean =>
  error instanceof RuntimeError && error.code === 'not-found';

export function createContainerReads(
  { docker, call }: Engine,
  ownership: Ownership,
  linked?: Pick<LinkedContainers, 'complete'>,
): Pick<ContainerRuntime, 'list' | 'inspect'> {
  /** The last inspection of each container. A list drops those that are gone. */
  const seen = new Map<string, ContainerRecord>();
  const slots = createSlots(INSPECT_CONCURRENCY);

  async function inspect(id: string): Promise<ContainerRecord | undefined> {
    try {
      const info = await call(`look at container "${id}"`, (options) =>
        docker.getContainer(id).inspect(options),
      );
      if (!ownership.isOurs(info.Config.Labels)) return undefined;
      ownership.remember(info.Id);
      const inspected = toContainerRecord(info);
      const record = linked?.complete(inspected) ?? inspected;
      seen.set(record.id, record);
      return record;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  return {
    inspect,
    async list(how) {
      const found = await call('list containers', ({ abortSignal }) =>
        docker.listContainers({ all: true, filters: { label: [...ownership.filters.label] }, abortSignal }),
      );
      const present = new Set(found.map(({ Id }) => Id));
      for (const id of seen.keys()) if (!present.has(id)) seen.delete(id);
      const read = async (listed: (typeof found)[number]): Promise<ContainerRecord | undefined> => {
        const last = how === 'quick' ? seen.get(listed.Id) : undefined;
        return last && isAsRecorded(listed, last) ? last : slots.run(() => inspect(listed.Id));
      };
      const records = await Promise.all(found.map(read));
      return records.filter((record) => record !== undefined);
    },
  };
}
