/**
 * Bodies of the accepted size whose content is meant to stop the event loop: each list and map of several kinds filled with
 * empty, repeated, invalid, valid and long members, and patches, YAML and repeated names besides. Reported is the dearest of
 * each family: processor time (all threads) and heap that one request takes.
 */
import { setTimeout } from 'node:timers/promises';
import { progress, reporter } from './support/figures.ts';
import { startTestHttp } from '../test/api/test-http.ts';
import { startDefinitions } from '../test/support/definitions.ts';
import {
  bodyFamilies,
  definitionOfWidgets,
  type HostileBody,
  objectToPatch,
} from '../test/support/hostile-bodies.ts';

const report = reporter('bodies');
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length);

const shapeOnly = process.argv.find((argument) => argument.startsWith('--shape='))?.slice('--shape='.length);

const configMaps = '/api/v1/namespaces/default/configmaps';

await using http = await startTestHttp();
const definitions = await startDefinitions(http.core);
await http.send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definitionOfWidgets);
while (!http.core.registry.byKind('example.com/v1', 'Widget')) await setTimeout(10);

/** Each body meets the same objects. */
async function reset(): Promise<void> {
  const merge = { contentType: 'application/merge-patch+json' };
  for (const name of ['there', 'm']) {
    await http.send('PATCH', `${configMaps}/${name}`, { metadata: { finalizers: null } }, merge);
    await http.send('DELETE', `${configMaps}/${name}`);
  }
  await http.send('POST', configMaps, objectToPatch);
}

interface Cost {
  readonly cpuMs: number;
  readonly heapMiB: number;
  readonly code: number;
  readonly answerBytes: number;
}

async function costOf({ method, path, body, contentType }: HostileBody): Promise<Cost> {
  await reset();
  const payload = Buffer.from(body());
  globalThis.gc?.();
  const heap = process.memoryUsage().heapUsed;
  const before = process.cpuUsage();
  const { code, bytes } = await http.send(method, path, payload, { contentType });
  const { user, system } = process.cpuUsage(before);
  const heapMiB = (process.memoryUsage().heapUsed - heap) / 2 ** 20;
  return { cpuMs: (user + system) / 1_000, heapMiB, code, answerBytes: bytes.length };
}

for (const [family, bodies] of bodyFamilies) {
  if (only !== undefined && !family.includes(only)) continue;
  let worst: (Cost & { readonly name: string }) | undefined;
  let mostHeap = 0;
  for (const shape of bodies) {
    if (shapeOnly !== undefined && !shape.name.includes(shapeOnly)) continue;
    const cost = await costOf(shape);
    progress(
      `${family}, ${shape.name}: ${cost.code}, ${Math.round(cost.cpuMs)} ms, ${Math.round(cost.heapMiB)} MiB, answer of ${cost.answerBytes} bytes`,
    );
    mostHeap = Math.max(mostHeap, cost.heapMiB);
    if (!worst || cost.cpuMs > worst.cpuMs) worst = { ...cost, name: shape.name };
  }
  if (!worst) continue;
  report({ name: `${family}: dearest body`, value: worst.cpuMs, unit: 'ms', note: worst.name });
  report({ name: `${family}: most heap of one body`, value: mostHeap, unit: 'MiB' });
}
await definitions[Symbol.asyncDispose]();
