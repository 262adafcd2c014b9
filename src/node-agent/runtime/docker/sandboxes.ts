/** Sandboxes on an engine that has only containers; see placed-container.ts. */
import { createPauseImage } from '../../images/create-pause-image.ts';
import { type ContainerRuntime, RuntimeError } from '../types.ts';
import {
  holdsItself,
  OWN_SANDBOX,
  pauseContainer,
  type PlacedContainer,
  placeContainer,
  sandboxesOf,
} from './placed-container.ts';

export type Sandboxes = Pick<
  ContainerRuntime,
  'sandboxesOf' | 'ensureSandbox' | 'stopSandbox' | 'removeSandbox' | 'create'
>;

export interface PlacedContainers extends Pick<ContainerRuntime, 'start' | 'stop' | 'remove'> {
  create(spec: PlacedContainer): Promise<string>;
}

type Images = Pick<ContainerRuntime, 'info' | 'findImage' | 'importImage'>;

export function createSandboxes(containers: PlacedContainers, images: Images): Sandboxes {
  const pause = createPauseImage(images);

  async function create(spec: Parameters<Sandboxes['ensureSandbox']>[0]): Promise<string> {
    try {
      return await containers.create(pauseContainer(spec, (await pause.ensure()).id));
    } catch (error) {
      if (error instanceof RuntimeError && error.code === 'image-missing') pause.forget();
      throw error;
    }
  }

  return {
    sandboxesOf,
    async ensureSandbox(spec) {
      if (holdsItself(spec)) return OWN_SANDBOX;
      const id = await create(spec);
      try {
        await containers.start(id);
      } catch (error) {
        // The next attempt needs its name.
        await containers.remove(id).catch(() => undefined);
        throw error;
      }
      return id;
    },
    async stopSandbox(id) {
      if (id !== OWN_SANDBOX) await containers.stop(id, 0);
    },
    async removeSandbox(id) {
      if (id !== OWN_SANDBOX) await containers.remove(id);
    },
    create: (spec, sandbox) => containers.create(placeContainer(spec, sandbox)),
  };
}
