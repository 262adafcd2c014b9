import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { fixedIdentity } from '../../src/client/identity.ts';
import { type NodeOptions, startNode } from '../../src/server/node.ts';
import { activeResources, untilReleased } from '../support/active-resources.ts';

const optionsOf = (directory: string): NodeOptions => ({
  server: 'https://127.0.0.1:1',
  caPem: '',
  identity: fixedIdentity({}),
  nodeName: 'node-1',
  nodeIp: undefined,
  dockerHost: undefined,
  runtime: 'hollow',
  hollowRunForMs: 0,
  clusterCidr: '198.18.0.0/16',
  clusterDomain: 'cluster.local',
  maxPodSecurity: 'privileged',
  allowedUnsafeSysctls: [],
  cluster: 'c',
  directory,
  logger: silentLogger,
});

it('leaves nothing behind, and its directory to the next one, whichever part was the last', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'symphony-node-'));
  const before = activeResources();
  try {
    for (let limit = 1; limit <= 4; limit += 1) {
      let steps = 0;
      const onStep = (): void => {
        steps += 1;
        if (steps === limit) throw new Error('Refused for the test');
      };
      await expect(startNode({ ...optionsOf(directory), onStep })).rejects.toThrow('Refused for the test');
      await untilReleased(before);
    }
  } finally {
    await rm(directory, { recursive: true });
  }
});

it('gives its directory back when it cannot start', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'symphony-node-'));
  try {
    await writeFile(join(directory, 'engines.json'), '[{"cluster":');
    const starting = startNode(optionsOf(directory));
    await expect(starting).rejects.toThrow('engines.json": it is damaged');
    expect(await readdir(directory)).toEqual(['engines.json']);
  } finally {
    await rm(directory, { recursive: true });
  }
});
