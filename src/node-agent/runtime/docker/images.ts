/** Finds, lists, pulls, imports and removes images of one Engine. */
import { Readable } from 'node:stream';
import type { ImageInfo } from 'dockerode';
import type { Clock } from '../../../base/clock.ts';
import { type ContainerRuntime, type ImageRecord, type ListedImage, RuntimeError } from '../types.ts';
import type { Engine } from './engine.ts';
import { jsonLines } from './json-lines.ts';
import { pullImage, throwFailure } from './pull-image.ts';

type Images = Pick<
  ContainerRuntime,
  'findImage' | 'listImages' | 'pullImage' | 'removeImage' | 'importImage'
>;

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

const isMissing = (error: unknown): boolean =>
  error instanceof RuntimeError && ['not-found', 'image-missing'].includes(error.code);

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
      if (isMissing(error)) return undefined;
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
    async pullImage(reference, auth, signal) {
      await pullImage(engine, clock, { reference, auth, signal });
      const image = await findImage(reference);
      if (image) return image;
      throw new RuntimeError(
        'image-pull',
        `Cannot pull image "${reference}": it is not there after the pull`,
      );
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
        for await (const line of jsonLines(source as AsyncIterable<Buffer>)) throwFailure(line);
      });
      const image = await findImage(reference);
      if (!image) throw new RuntimeError('transient', `Cannot ${action}: it is not there afterwards`);
      return image;
    },
    async removeImage(id) {
      try {
        await call(`remove image "${id}"`, ({ abortSignal }) => docker.getImage(id).remove({ abortSignal }));
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    },
  };
}
