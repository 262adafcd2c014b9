import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { resolveConfig } from '../../../src/config/index.ts';
import {
  checkNodeRange,
  settleAddressRanges,
  withRememberedRanges,
} from '../../../src/server/addresses/address-ranges.ts';
import { clusterIdOf, networkNameOf } from '../../../src/server/identity/cluster-identity.ts';
import { type FakeEngine, startFakeEngine } from '../../support/fake-engine.ts';

/** For benchmarks of network devices (RFC 2544): no machine that runs tests routes it. */
const RANGE = '198.18.0.0/16';
let directory = '';
let engine: FakeEngine;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-ranges-'));
  engine = await startFakeEngine(join(directory, 'docker.sock'), 'ID-1');
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

type Flags = Parameters<typeof resolveConfig>[0]['flags'];
const dataDir = () => join(directory, 'data');
const configOf = (command: 'up' | 'control-plane', flags: Flags = {}) =>
  resolveConfig({
    command,
    flags: { dataDir: dataDir(), ...(command === 'up' ? { dockerHost: [engine.host] } : {}), ...flags },
    env: {},
  });
const settle = (flags?: Flags) => settleAddressRanges(configOf('up', flags), silentLogger);
/** As the first start does it. */
async function makeCluster(caPem: string): Promise<string> {
  await mkdir(join(dataDir(), 'tls'), { recursive: true });
  await writeFile(join(dataDir(), 'tls', 'ca.crt'), caPem);
  return clusterIdOf(caPem);
}

it('remembers the ranges that it chose, for every later start', async () => {
  engine.addNetwork('demo', '10.244.0.0/16');
  const { clusterCidr, serviceCidr } = await settle();
  expect(clusterCidr).not.toBe('10.244.0.0/16');
  await makeCluster('ca');
  expect(await settle()).toMatchObject({ clusterCidr, serviceCidr });
  expect(await withRememberedRanges(configOf('control-plane'))).toMatchObject({ clusterCidr, serviceCidr });
});

it('remembers how the nodes share the range, and refuses nodes that would get no share', async () => {
  const flags = { clusterCidr: '198.18.0.0/24', nodeCidrMaskSize: '26', nodes: '2' };
  await settle(flags);
  await makeCluster('ca');
  expect(await settle({ nodes: '3' })).toMatchObject({
    clusterCidr: flags.clusterCidr,
    nodeCidrMaskSize: 26,
  });
  expect(await withRememberedRanges(configOf('control-plane'))).toMatchObject({ nodeCidrMaskSize: 26 });
  await expect(settle({ nodes: '4' })).rejects.toThrow(
    '--nodes: 198.18.0.0/24 has shares of /26 for 3 nodes, not 4',
  );
});

it('chooses anew where the first start made no cluster', async () => {
  await settle({ clusterCidr: RANGE });
  engine.addNetwork('demo', RANGE);
  expect((await settle()).clusterCidr).not.toBe(RANGE);
});

it('refuses a range of another network before anything is made, and knows its own', async () => {
  engine.addNetwork('demo', '198.18.7.0/24');
  await expect(settle({ clusterCidr: RANGE })).rejects.toThrow('it overlaps network "demo" (198.18.7.0/24)');
  await expect(settle({ serviceCidr: RANGE })).rejects.toThrow('(--service-cidr): it overlaps');
  const cluster = await makeCluster('ca');
  engine.addNetwork(networkNameOf(cluster), '198.19.0.0/16', cluster);
  expect(await settle()).toMatchObject({ clusterCidr: '198.19.0.0/16' });
});

it('refuses what this machine has itself', async () => {
  await expect(settle({ clusterCidr: '127.0.0.0/8' })).rejects.toThrow('route or address of this machine');
});

it('asks no Engine for hollow nodes', async () => {
  engine.addNetwork('demo', RANGE);
  expect(await settle({ clusterCidr: RANGE, runtime: 'hollow' })).toMatchObject({ clusterCidr: RANGE });
});

it('goes on where the Engine is away, and says what is wrong with its address', async () => {
  const away = [`unix://${directory}/nothing.sock`];
  expect(await settle({ clusterCidr: RANGE, dockerHost: away })).toMatchObject({ clusterCidr: RANGE });
  await expect(settle({ dockerHost: ['tcp://'] })).rejects.toThrow('expected unix:///path');
});

it('says how to mend a damaged memory', async () => {
  await makeCluster('ca');
  await writeFile(join(dataDir(), 'address-ranges.json'), '{"clusterCidr":');
  await expect(settle()).rejects.toThrow('address-ranges.json": expected');
});

it('replaces the network that an agent with the wrong flag has left', async () => {
  const node = { clusterCidr: RANGE, serviceCidr: '198.19.255.0/24', cluster: 'c', dockerHost: engine.host };
  engine.addNetwork(networkNameOf('c'), '198.19.0.0/16', 'c');
  await checkNodeRange(node, silentLogger);
  expect(engine.networks).toEqual([]);
  engine.addNetwork('demo', RANGE);
  await expect(checkNodeRange(node, silentLogger)).rejects.toThrow('network "demo"');
});
