/** The definition that recorded cases of custom resources need, established as a running control plane does it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLogger } from '../../src/base/logger.ts';
import { startCustomResourcesController } from '../../src/controllers/custom-resources/custom-resources-controller.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import type { TestCore } from '../api/test-api.ts';

/** The group of the cases `cr-*`; see `_crd-widgets.json` among the patches. */
export const RECORDED_GROUP = 'patch.example.com';

/** Resolves once the resource is served; dispose to stop the controller. */
export async function establishWidgets(test: TestCore, folder: string): Promise<AsyncDisposable> {
  const stop = new AbortController();
  const controller = await startCustomResourcesController({
    ...test,
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
  const text = await readFile(join(folder, '_crd-widgets.json'), 'utf8');
  const established = new Promise<void>((resolve) => {
    test.registry.subscribe(() => {
      if (test.registry.byResource(RECORDED_GROUP, 'v1', 'widgets')) resolve();
    });
  });
  await test.objects.create(JSON.parse(text) as KubeObject);
  await established;
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await controller[Symbol.asyncDispose]();
    },
  };
}
