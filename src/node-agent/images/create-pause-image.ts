/** The pause container's image, made on the engine if it is missing, without a registry. */
import { type ContainerRuntime, type ImageRecord, RuntimeError } from '../runtime/types.ts';
import { pauseProgram } from './pause-program.ts';
import { createTar } from './tar.ts';

/** Raise it with each change of the program or the image's configuration. */
const PAUSE_VERSION = 1;
export const PAUSE_IMAGE = `symphony.dev/pause:${PAUSE_VERSION}`;

export interface PauseImage {
  /** Cheap after the first time. Throws RuntimeError. */
  ensure(): Promise<ImageRecord>;
  /** The engine says that the image is missing: somebody removed it. */
  forget(): void;
}

export function createPauseImage(
  runtime: Pick<ContainerRuntime, 'info' | 'findImage' | 'importImage'>,
): PauseImage {
  let known: Promise<ImageRecord> | undefined;

  async function make(): Promise<ImageRecord> {
    const found = await runtime.findImage(PAUSE_IMAGE);
    if (found) return found;
    const { architecture } = await runtime.info();
    const program = pauseProgram(architecture);
    if (!program) {
      throw new RuntimeError(
        'invalid',
        `Cannot make the pause image: no program for architecture "${architecture}"`,
      );
    }
    const rootFs = createTar([{ type: 'file', name: 'pause', mode: 0o755, content: program }]);
    return runtime.importImage(PAUSE_IMAGE, rootFs, { entrypoint: ['/pause'] });
  }

  return {
    async ensure() {
      known ??= make();
      try {
        return await known;
      } catch (error) {
        known = undefined;
        throw error;
      }
    },
    forget() {
      known = undefined;
    },
  };
}
