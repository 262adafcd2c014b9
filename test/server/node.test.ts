import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { fixedIdentity } from '../../src/client/identity.ts';
import { startNode } from '../../src/server/node.ts';

it('gives its directory back when it cannot start', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'symphony-node-'));
  try {
    await writeFile(join(directory, 'engines.json'), '[{"cluster":');
    const starting = startNode({
      server: 'https://127.0.0.1:1',
      caPem: '',
      identity: fixedIdentity({}),
      nodeName: 'node-1',
      nodeIp: undefined,
      dockerHost: undefined,
      runtime: 'hollow',
      hollowRunForMs: 0,
      clusterCidr: '198.18.0.0/16',
      maxPodSecurity: 'privileged',
      allowedUnsafeSysctls: [],
      cluster: 'c',
      directory,
      logger: silentLogger,
    });
    await expect(starting).rejects.toThrow('engines.json": it is damaged');
    expect(await readdir(directory)).toEqual(['engines.json']);
  } finally {
    await rm(directory, { recursive: true });
  }
});
