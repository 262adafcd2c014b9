import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemRng } from '../../../src/base/rng.ts';
import { createFakeRuntime } from '../../../src/node-agent/runtime/fake/create-fake-runtime.ts';
import { type ContainerRuntime, RuntimeError } from '../../../src/node-agent/runtime/types.ts';
import {
  openEngineRecord,
  readEngineRecord,
  recordingRuntime,
} from '../../../src/server/removal/engine-record.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-record-'));
});
afterEach(() => rm(directory, { recursive: true }));

const NETWORK = { name: 'pods', subnet: '10.25.0.0/16', gateway: '10.25.0.1' };
const HOST = 'unix:///run/docker.sock';

function aRuntime(identify: () => Promise<string>) {
  const made: unknown[] = [];
  const fake = createFakeRuntime({ clock: createFakeClock(), rng: systemRng, cluster: 'c', node: 'n' });
  const inner: ContainerRuntime = {
    ...fake,
    async ensureNetwork(...network) {
      made.push(await readEngineRecord(directory));
      return fake.ensureNetwork(...network);
    },
    async *events() {
      yield { type: 'resync' };
    },
  };
  const runtime = recordingRuntime(inner, {
    directory,
    cluster: 'c',
    dockerHost: HOST,
    readIdentity: async () => ({ engineId: await identify(), rootDirectory: '/var/lib/docker' }),
  });
  return { runtime, made };
}

const entry = (engineId: string) => ({
  cluster: 'c',
  dockerHost: HOST,
  engineId,
  rootDirectory: '/var/lib/docker',
});

it('writes the Engine down before anything is made on it, and every Engine that follows', async () => {
  await openEngineRecord(directory, undefined);
  expect(await readEngineRecord(directory)).toEqual([]);
  let id = 'ID-1';
  const { runtime, made } = aRuntime(async () => id);
  await runtime.ensureNetwork(NETWORK);
  expect(made).toEqual([[entry('ID-1')]]);
  id = 'ID-2';
  await runtime.ensureNetwork(NETWORK);
  expect(await readEngineRecord(directory)).toEqual([entry('ID-1')]);
  // Another Engine can only have come when the connection broke.
  for await (const event of runtime.events(new AbortController().signal)) expect(event.type).toBe('resync');
  await runtime.ensureNetwork(NETWORK);
  expect(await readEngineRecord(directory)).toEqual([entry('ID-1'), entry('ID-2')]);
});

it('makes nothing on an Engine that it cannot identify, and tries again', async () => {
  await openEngineRecord(directory, undefined);
  let failures = 1;
  const { runtime, made } = aRuntime(async () => {
    if (failures-- > 0) throw new RuntimeError('unavailable', 'Cannot ask the engine');
    return 'ID-1';
  });
  await expect(runtime.ensureNetwork(NETWORK)).rejects.toThrow('Cannot ask the engine');
  expect(made).toEqual([]);
  await runtime.ensureNetwork(NETWORK);
  expect(made).toHaveLength(1);
});

it('makes nothing while the record cannot be written', async () => {
  await writeFile(join(directory, 'engines.json'), 'damaged');
  const { runtime, made } = aRuntime(async () => 'ID-1');
  await expect(runtime.ensureNetwork(NETWORK)).rejects.toThrow('Cannot write down which engine is used');
  expect(made).toEqual([]);
});

it('keeps what an earlier release has used, and learns its id', async () => {
  await openEngineRecord(directory, { cluster: 'c', dockerHost: HOST });
  await openEngineRecord(directory, undefined);
  expect(await readEngineRecord(directory)).toEqual([{ cluster: 'c', dockerHost: HOST }]);
  await aRuntime(async () => 'ID-1').runtime.ensureNetwork(NETWORK);
  expect(await readEngineRecord(directory)).toEqual([entry('ID-1')]);
});
