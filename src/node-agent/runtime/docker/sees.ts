/**
 * Whether the Engine finds a path on its host. The Engine has no call for it, but checks the
 * sources of a container's mounts before it searches the image. This image never exists, so no
 * container is made.
 */
import { type ContainerRuntime, RuntimeError } from '../types.ts';
import { asRequest, type Engine } from './engine.ts';

const NAME = 'symphony-sees';
const NO_IMAGE = 'symphony.invalid/no-image:0';

export function createSees({ docker, call }: Engine): Pick<ContainerRuntime, 'sees'> {
  return {
    async sees(path) {
      const body = {
        Image: NO_IMAGE,
        HostConfig: { Mounts: [{ Type: 'bind' as const, Source: path, Target: '/seen', ReadOnly: true }] },
      };
      try {
        const container = await call(`look for "${path}"`, ({ abortSignal }) =>
          docker.createContainer(asRequest(NAME, body, abortSignal)),
        );
        await call(`look for "${path}"`, ({ abortSignal }) => container.remove({ abortSignal }));
        return true;
      } catch (error) {
        if (!(error instanceof RuntimeError)) throw error;
        if (error.code === 'image-missing') return true;
        if (/bind source path does not exist/i.test(error.message)) return false;
        throw error;
      }
    },
  };
}
