import { expect, it } from 'vitest';
import type { Engine } from '../../../../src/node-agent/runtime/docker/engine.ts';
import { bridgeName, createNetworks } from '../../../../src/node-agent/runtime/docker/networks.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

it('removes the interface of a network that somebody has pruned', async () => {
  const removed: string[] = [];
  const networks = createNetworks({
    engine: { docker: {}, call: async () => [] } as unknown as Engine,
    cluster: 'c',
    clock: createFakeClock(),
    signal: new AbortController().signal,
    bridges: {
      ensureBridge: async () => undefined,
      removeBridge: async (bridge) => (removed.push(bridge), true),
    },
  });
  await networks.removeNetwork('pods');
  expect(removed).toEqual([bridgeName('c', 'pods')]);
});
