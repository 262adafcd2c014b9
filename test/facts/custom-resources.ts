/**
 * The definition that recorded cases of custom resources need, established as a running control
 * plane does it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubeObject } from '../../src/schemas/object.ts';
import type { TestCore } from '../api/test-api.ts';
import { startDefinitions } from '../support/definitions.ts';

/** The group of the cases `cr-*`; see `_crd-widgets.json` among the patches. */
export const RECORDED_GROUP = 'patch.example.com';

/** Resolves once the resource is served; dispose to stop the controller. */
export async function establishWidgets(test: TestCore, folder: string): Promise<AsyncDisposable> {
  const controller = await startDefinitions(test);
  const text = await readFile(join(folder, '_crd-widgets.json'), 'utf8');
  const established = new Promise<void>((resolve) => {
    test.registry.subscribe(() => {
      if (test.registry.byResource(RECORDED_GROUP, 'v1', 'widgets')) resolve();
    });
  });
  await test.objects.create(JSON.parse(text) as KubeObject);
  await established;
  return controller;
}
