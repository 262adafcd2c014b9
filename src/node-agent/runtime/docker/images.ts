/** Images of one Engine: find, list, pull with progress, remove. */
import { Readable } from 'node:stream';
import type { ImageInfo } from 'dockerode';
import { createAbort } from '../../../base/abort.ts';
import type { Clock, Timer } from '../../../base/clock.ts';
import { isRecord } from '../../../base/json.ts';
import {
  type ContainerRuntime,
  type ImageRecord,
  type ListedImage,
  type PullProgress,
  RuntimeError,
} from '../types.ts';
import type { Engine } from './engine.ts';
import { engineMessage, toRuntimeError } from './engine-errors.ts';
import { jsonLines } from './json-lines.ts';

type Images = Pick<
  ContainerRuntime,
  'findImage' | 'listImages' | 'pullImage' | 'removeImage' | 'importImage'
>;

/** No word from the Engine for so long in the middle of a pull: the registry hangs. */
const PULL_SILENCE_MS = 300_000;

interface InspectedImage {
  readonly Id: string;
  readonly RepoTags?: readonly string[] | null;
  readonly RepoDigests?: readonly string[] | null;
  readonly Size: number;
  readonly Config?: { readonly User?: string; readonly StopSignal?: string } | null;
}

function toImageRecord(image: InspectedImage): ImageRecord {
  const stopSignal = image.Config?.StopSignal;
  return {
    id: image.Id,
    tags: image.RepoTags ?? [],
    digests: image.RepoDigests ?? [],
    sizeBytes: image.Size,
    user: image.Config?.User ?? '',
    ...(stopSignal ? { stopSignal } : {}),
  };
}

/** An Engine writes a name that an image does not have as `<none>`. */
const namesOf = (names: readonly string[] | null | undefined): readonly string[] =>
  (names ?? []).filter((name) => !name.includes('<none>'));

/** Some Engines list an image once for each of its names. */
function toListedImages(
  listed: readonly Pick<ImageInfo, 'Id' | 'RepoTags' | 'RepoDigests' | 'Size'>[],
): readonly ListedImage[] {
  const byId = new Map<string, ListedImage>();
  for (const { Id: id, RepoTags, RepoDigests, Size: sizeBytes } of listed) {
    const { tags = [], digests = [] } = byId.get(id) ?? {};
    byId.set(id, {
      id,
      tags: [...new Set([...tags, ...namesOf(RepoTags)])],
      digests: [...new Set([...digests, ...namesOf(RepoDigests)])],
      sizeBytes,
    });
  }
  return [...byId.values()];
}

export function createImages(engine: Engine, clock: Clock): Images {
  const { docker, call } = engine;

  async function findImage(reference: string): Promise<ImageRecord | undefined> {
    try {
      const found = await call(`look at image "${reference}"`, (options) =>
        docker
          .getImage(reference)
          .inspect(options as Parameters<ReturnType<typeof docker.getImage>['inspect']>[0]),
      );
      return toImageRecord(found);
    } catch (error) {
      if (error instanceof RuntimeError && (error.code === 'not-found' || error.code === 'image-missing')) {
        return undefined;
      }
      throw error;
    }
  }

  return {
    findImage,
    async listImages() {
      return toListedImages(
        await call('list images', ({ abortSignal }) => docker.listImages({ abortSignal })),
      );
    },
    async pullImage(reference, auth, onProgress, signal) {
      const action = `pull image "${reference}"`;
      const stop = createAbort();
      let silent = false;
      const cancel = (): void => stop.abort();
      const watchdog = (): Timer =>
        clock.setTimer(() => {
          silent = true;
          stop.abort();
        }, PULL_SILENCE_MS);
      let timer = watchdog();
      signal.addEventListener('abort', cancel, { once: true });
      try {
        if (signal.aborted) throw new Error('cancelled');
        const source = await docker.createImage({
          fromImage: reference,
          abortSignal: stop.signal,
          ...(auth
            ? {
                authconfig: {
                  username: auth.username,
                  password: auth.password,
                  serveraddress: auth.serverAddress,
                },
              }
            : {}),
        });
        for await (const line of jsonLines(source as AsyncIterable<Buffer>)) {
          timer.cancel();
          timer = watchdog();
          report(line, onProgress);
        }
      } catch (error) {
        const why = signal.aborted
          ? 'cancelled'
          : silent
            ? `no progress for ${PULL_SILENCE_MS / 1000} s`
            : engineMessage(error);
        const unreachable =
          !signal.aborted && !silent && toRuntimeError(action, error).code === 'unavailable';
        throw new RuntimeError(unreachable ? 'unavailable' : 'image-pull', `Cannot ${action}: ${why}`, {
          cause: error,
          detail: why,
        });
      } finally {
        timer.cancel();
        signal.removeEventListener('abort', cancel);
      }
      const image = await findImage(reference);
      if (!image) throw new RuntimeError('image-pull', `Cannot ${action}: it is not there after the pull`);
      return image;
    },
    async importImage(reference, rootFs, { entrypoint }) {
      const action = `make image "${reference}"`;
      const colon = reference.lastIndexOf(':');
      await call(action, async ({ abortSignal }) => {
        const source = await docker.importImage(Readable.from([rootFs]), {
          fromSrc: '-',
          repo: reference.slice(0, colon),
          tag: reference.slice(colon + 1),
          changes: `ENTRYPOINT ${JSON.stringify(entrypoint)}`,
          abortSignal,
        });
        for await (const line of jsonLines(source as AsyncIterable<Buffer>)) report(line, () => undefined);
      });
      const image = await findImage(reference);
      if (!image) throw new RuntimeError('transient', `Cannot ${action}: it is not there afterwards`);
      return image;
    },
    async removeImage(id) {
      try {
        await call(`remove image "${id}"`, ({ abortSignal }) => docker.getImage(id).remove({ abortSignal }));
      } catch (error) {
        const missing = error instanceof RuntimeError && ['not-found', 'image-missing'].includes(error.code);
        if (!missing) throw error;
      }
    },
  };
}

/** One line of a pull: progress, or the error that ended it (the status of the answer was sent long before). */
function report(line: unknown, onProgress: (progress: PullProgress) => void): void {
  if (!isRecord(line)) return;
  if (typeof line['error'] === 'string') throw new Error(line['error']);
  const detail = isRecord(line['progressDetail']) ? line['progressDetail'] : {};
  onProgress({
    status: typeof line['status'] === 'string' ? line['status'] : '',
    ...(typeof line['id'] === 'string' ? { layer: line['id'] } : {}),
    ...(typeof detail['current'] === 'number' ? { currentBytes: detail['current'] } : {}),
    ...(typeof detail['total'] === 'number' ? { totalBytes: detail['total'] } : {}),
  });
}
