/** The images of one pod's containers that are on the engine, by container. */
import type { Pod } from '../../schemas/types.ts';
import type { ImageResult } from '../images/types.ts';
import type { ImageSource } from '../ports.ts';
import type { ImageRecord } from '../runtime/types.ts';
import type { PlannedContainer, TellPodEvent } from './pod-view.ts';

export interface ContainerImages {
  get(name: string): ImageRecord | undefined;
  ready(planned: readonly PlannedContainer[]): ReadonlySet<string>;
  pull(pod: Pod, item: PlannedContainer): Promise<ImageResult>;
  /** The next attempt needs the image again. */
  forget(name: string): void;
}

export function createContainerImages(source: ImageSource, event: TellPodEvent): ContainerImages {
  const known = new Map<string, { readonly reference: string; readonly image: ImageRecord }>();
  return {
    get: (name) => known.get(name)?.image,
    ready: (planned) =>
      new Set(
        planned
          .filter(({ container }) => known.get(container.name)?.reference === container.image)
          .map(({ container }) => container.name),
      ),
    async pull(pod, item) {
      const { name, image: reference = '' } = item.container;
      const result = await source.ensure(pod, item.container, (told) =>
        event(item, told.type, told.reason, told.message),
      );
      if (result.ok) known.set(name, { reference, image: result.image });
      return result;
    },
    forget: (name) => void known.delete(name),
  };
}
