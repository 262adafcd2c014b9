/** The controller of definitions alone, on whatever a test has: for tests that need custom resources and nothing else. */
import { silentLogger } from '../../src/base/logger.ts';
import type { ControllerContext } from '../../src/controllers/controller.ts';
import { startCustomResourcesController } from '../../src/controllers/custom-resources/custom-resources-controller.ts';

type Parts = Pick<ControllerContext, 'store' | 'objects' | 'caches' | 'registry' | 'clock' | 'rng'>;

export async function startDefinitions(parts: Parts): Promise<AsyncDisposable> {
  const stop = new AbortController();
  const controller = await startCustomResourcesController({
    store: parts.store,
    objects: parts.objects,
    caches: parts.caches,
    registry: parts.registry,
    clock: parts.clock,
    rng: parts.rng,
    logger: silentLogger,
    events: {
      record: () => undefined,
      flush: async () => undefined,
      [Symbol.asyncDispose]: async () => undefined,
    },
    signal: stop.signal,
    mayAct: () => true,
    onConditionChange: () => ({ [Symbol.dispose]: () => undefined }),
  });
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await controller[Symbol.asyncDispose]();
    },
  };
}
