/**
 * The cost of an object in the cache: memory of pods as the store hands them out, with the index by
 * node and a list in order, and of the window of events. CPU of reading an object: parsing alone,
 * and with its defaults filled in. Run with `node --expose-gc`; `npm run bench` does.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { silentLogger } from '../src/base/logger.ts';
import { builtinFormat } from '../src/schemas/registry.ts';
import { DEFAULT_WINDOW } from '../src/store/cache/event-window.ts';
import { indexByNode } from '../src/store/cache/indexes.ts';
import { createWatchCache } from '../src/store/cache/watch-cache.ts';
import { plainCodec } from '../src/store/redis/payload-codec.ts';
import { createStoredObjects } from '../src/store/redis/stored-objects.ts';
import { benchPod } from './support/api-pod.ts';
import { median, numberAfter, reporter } from './support/figures.ts';

const OBJECTS = numberAfter('--objects', 10_000);
const NODES = 100;
const ROUNDS = 7;
const report = reporter('cache');
const stored = createStoredObjects(plainCodec, builtinFormat);

const keyOfIndex = (index: number): string => `default/web-${index}`;
const texts = Array.from({ length: OBJECTS }, (_, index) =>
  JSON.stringify(builtinFormat.read('pods', benchPod(`web-${index}`, index, `node-${index % NODES}`), 1)),
);
const read = (index: number, version: number) =>
  stored.decode('pods', keyOfIndex(index), texts[index] ?? '', String(version));

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

const before = heapBytes();
const fed = createWatchCache({
  resource: 'pods',
  logger: silentLogger,
  window: DEFAULT_WINDOW,
  versions: () => ({ resource: '0', store: '0' }),
});
fed.relist({ objects: texts.map((_, index) => read(index, index + 1)), version: String(OBJECTS) });
const listed = heapBytes();
indexByNode(fed.cache);
fed.cache.sorted({ type: 'all' });
const indexed = heapBytes();
let version = OBJECTS;
for (let index = 0; index < DEFAULT_WINDOW.events; index += 1) {
  version += 1;
  const [key, text] = [keyOfIndex(index % OBJECTS), texts[index % OBJECTS] ?? ''];
  const object = read(index % OBJECTS, version);
  fed.apply({ type: 'MODIFIED', resource: 'pods', key, object, version: String(version), size: text.length });
}
const filled = heapBytes();

const textBytes = texts.reduce((sum, text) => sum + text.length, 0) / OBJECTS;
const note = `the object has ${textBytes.toFixed(0)} bytes as JSON`;
report({ name: 'memory of a pod in the cache', value: (listed - before) / OBJECTS, unit: 'bytes', note });
report({ name: 'index by node and list in order', value: (indexed - listed) / OBJECTS, unit: 'bytes' });
report({
  name: 'memory of an event in the window',
  value: (filled - indexed) / DEFAULT_WINDOW.events,
  unit: 'bytes',
});

function microseconds(task: (index: number) => unknown): number {
  const begin = process.cpuUsage();
  for (let index = 0; index < OBJECTS; index += 1) task(index);
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / OBJECTS;
}

const [defaulted, parsed]: [number[], number[]] = [[], []];
for (let round = 0; round < ROUNDS; round += 1) {
  defaulted.push(microseconds((index) => read(index, 1)));
  parsed.push(microseconds((index) => JSON.parse(texts[index] ?? '') as unknown));
}
report({
  name: 'reading a pod, CPU',
  value: median(defaulted),
  unit: 'µs',
  baseline: median(parsed),
  ratio: median(defaulted) / median(parsed),
  note: 'against JSON.parse alone',
});
