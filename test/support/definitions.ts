/**
 * Controllers on whatever a test has: that of definitions alone, or what a test needs beside it.
 */
import { createAbort } from '../../src/base/abort.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { ControllerContext } from '../../src/controllers/controller.ts';
import { customResourcesController } from '../../src/controllers/custom-resources/custom-resources-controller.ts';
import { runController } from '../../src/controllers/run-controller.ts';

interface Parts extends Pick<ControllerContext, 'store' | 'caches' | 'registry' | 'clock' | 'rng'> {
  readonly objects: ControllerContext['writer'];
}

export async function startControllersOn(
  parts: Parts,
  start: (context: ControllerContext) => Promise<AsyncDisposable>,
): Promise<AsyncDisposable> {
  const stop = createAbort();
  const controllers = await start({
    store: parts.store,
    writer: parts.objects,
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
      await controllers[Symbol.asyncDispose]();
    },
  };
}

export const startDefinitions = (parts: Parts): Promise<AsyncDisposable> =>
  startControllersOn(parts, (context) => runController(customResourcesController, context));
