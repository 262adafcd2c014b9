/**
 * Bodies of the accepted size whose content is meant to stop the event loop: each list and map of
 * several kinds filled with empty, repeated, invalid, valid and long members; patches, YAML,
 * protobuf, records of owners and definitions; and, made from the schemas, every list, map and text
 * of every kind (`--all` has more ways to fill them). Reported is the dearest of each family:
 * processor time of the thread that serves, and heap that one request takes.
 */
import { readFileSync } from 'node:fs';
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
import { depthFamilies } from '../test/support/hostile-depths.ts';
import { schemaBodies } from '../test/support/schema-bodies.ts';

const report = reporter('bodies');
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length);

const shapeOnly = process.argv.find((argument) => argument.startsWith('--shape='))?.slice('--shape='.length);

const configMaps = '/api/v1/namespaces/default/configmaps';

await using http = await startTestHttp();
const definitions = await startDefinitions(http.core);
await http.send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definitionOfWidgets);
while (!http.core.registry.byKind('example.com/v1', 'Widget')) await setTimeout(10);

/**
 * Processor time of the thread that runs the event loop. Elsewhere than on Linux that of all
 * threads.
 */
function loopMs(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  }
}

/**
 * The first request of its kind compiles the code. A server that has run for a minute has done so.
 */
async function warmUp(): Promise<void> {
  for (let round = 0; round < 50; round += 1) {
    const data = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`k${index}`, 'v']));
    await http.send('POST', configMaps, { ...objectToPatch, metadata: { name: 'm' }, data });
    await http.send('DELETE', `${configMaps}/m`);
  }
}

/** Each body meets the same objects. */
async function reset(): Promise<void> {
  const merge = { contentType: MERGE };
  for (const name of ['there', 'm']) {
    await http.send('PATCH', `${configMaps}/${name}`, { metadata: { finalizers: null } }, merge);
    await http.send('DELETE', `${configMaps}/${name}`);
  }
  await http.send('POST', configMaps, objectToPatch);
}

interface Cost {
  readonly loopMs: number;
  readonly heapMiB: number;
  readonly code: number;
  readonly answerBytes: number;
}

/** The object of a body is called `o`. */
async function remove(collection: string): Promise<void> {
  const object = `${collection.split('?')[0] ?? ''}/o`;
  const { body } = await http.send('DELETE', `${object}?gracePeriodSeconds=0`);
  if (!JSON.stringify(body).includes('deletionTimestamp')) return;
  await http.send('PATCH', object, { metadata: { finalizers: null } }, { contentType: MERGE });
}

const MERGE = 'application/merge-patch+json';

async function costOf({ method, path, body, contentType, first }: HostileBody): Promise<Cost> {
  await reset();
  if (first) await http.send('POST', first.path, first.body);
  const made = body();
  const payload = typeof made === 'string' ? Buffer.from(made) : made;
  globalThis.gc?.();
  const heap = process.memoryUsage().heapUsed;
  const before = loopMs();
  const { code, bytes } = await http.send(method, path, payload, { contentType });
  const took = loopMs() - before;
  const heapMiB = (process.memoryUsage().heapUsed - heap) / 2 ** 20;
  if (code === 200 || code === 201 || first) await remove(first?.path ?? path);
  return { loopMs: took, heapMiB, code, answerBytes: bytes.length };
}

const all = process.argv.includes('--all');
function* everyPlace(...types: readonly ('list' | 'map' | 'text')[]): Generator<HostileBody> {
  const { schemas } = http.core.core;
  for (const shape of schemaBodies(schemas, http.core.registry.kinds, new Set(types)))
    if (
      all ||
      / (distinct items|pairs of items) to depth [12]| members to depth 0| of (a\.|1)$/.test(shape.name)
    )
      yield shape;
}

const families: readonly (readonly [string, Iterable<HostileBody>])[] = [
  ...bodyFamilies,
  ...depthFamilies,
  ['every list', everyPlace('list')],
  ['every map', everyPlace('map')],
  ['every text', everyPlace('text')],
];

await warmUp();

for (const [family, bodies] of families) {
  if (only !== undefined && !family.includes(only)) continue;
  let worst: (Cost & { readonly name: string }) | undefined;
  let mostHeap = 0;
  for (const shape of bodies) {
    if (shapeOnly !== undefined && !shape.name.includes(shapeOnly)) continue;
    const cost = await costOf(shape);
    progress(
      `${family}, ${shape.name}: ${cost.code}, ${Math.round(cost.loopMs)} ms, ${Math.round(cost.heapMiB)} MiB, answer of ${cost.answerBytes} bytes`,
    );
    mostHeap = Math.max(mostHeap, cost.heapMiB);
    if (!worst || cost.loopMs > worst.loopMs) worst = { ...cost, name: shape.name };
  }
  if (!worst) continue;
  report({ name: `${family}: dearest body`, value: worst.loopMs, unit: 'ms', note: worst.name });
  report({ name: `${family}: most heap of one body`, value: mostHeap, unit: 'MiB' });
}
await definitions[Symbol.asyncDispose]();
