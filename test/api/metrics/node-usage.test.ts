import { Readable } from 'node:stream';
import type { ClientHttp2Stream } from 'node:http2';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { createNodeUsages, parseUsage } from '../../../src/api/metrics/node-usage.ts';
import { nodeMetrics, podMetrics } from '../../../src/api/metrics/plan-metrics.ts';
import type { TunnelRequest, TunnelResponse } from '../../../src/api/tunnel.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const usage = {
  podUid: 'u',
  container: 'c',
  atMs: 5_000,
  windowMs: 1_500,
  cpuNanoCores: 1,
  memoryBytes: 2_048,
};

function fakeTunnels(answers: Record<string, string>): {
  nodes: readonly string[];
  asked: string[];
  request(request: TunnelRequest): Promise<TunnelResponse>;
} {
  const asked: string[] = [];
  return {
    nodes: Object.keys(answers),
    asked,
    request({ node, signal }) {
      asked.push(node);
      const text = answers[node] ?? 'never';
      if (text === 'never')
        return new Promise((_, reject) =>
          signal.addEventListener('abort', () => reject(new Error('aborted'))),
        );
      const stream = Readable.from([Buffer.from(text)]) as unknown as ClientHttp2Stream;
      return Promise.resolve({ status: 200, contentType: 'application/json', stream });
    },
  };
}

describe('asking nodes what they use', () => {
  it('leaves out nodes that are away, slow or talk nonsense', async () => {
    const clock = createFakeClock();
    const tunnels = fakeTunnels({
      a: JSON.stringify({ containers: [usage] }),
      b: 'never',
      c: '{"x":1}',
      d: '{',
    });
    const usages = createNodeUsages({ tunnels, clock, logger: silentLogger });
    const asked = usages.of(['a', 'b', 'c', 'd', 'away']);
    await clock.advance(5_000);
    expect([...(await asked).keys()]).toEqual(['a']);
    expect(tunnels.asked.sort()).toEqual(['a', 'away', 'b', 'c', 'd']);
  });

  it('asks each node once in ten seconds, however many clients look', async () => {
    const clock = createFakeClock();
    const tunnels = fakeTunnels({ a: JSON.stringify({ containers: [usage] }) });
    const usages = createNodeUsages({ tunnels, clock, logger: silentLogger });
    await Promise.all([usages.of(['a']), usages.of(['a'])]);
    await clock.advance(9_000);
    await usages.of(['a']);
    expect(tunnels.asked).toHaveLength(1);
    await clock.advance(2_000);
    await usages.of(['a']);
    expect(tunnels.asked).toHaveLength(2);
  });

  it('refuses an answer that is too long', async () => {
    const clock = createFakeClock();
    const tunnels = fakeTunnels({ a: JSON.stringify({ containers: [], padding: 'x'.repeat(2 ** 20) }) });
    const usages = createNodeUsages({ tunnels, clock, logger: silentLogger });
    expect((await usages.of(['a'])).size).toBe(0);
  });

  it.each([
    { ...usage, cpuNanoCores: -1 },
    { ...usage, memoryBytes: 1.5 },
    { ...usage, atMs: 2 ** 53 - 1 },
    { ...usage, podUid: 3 },
    null,
  ])('drops what is no reading: %j', (entry) => {
    expect(parseUsage({ containers: [entry, usage] })).toEqual([usage]);
  });
});

describe('metrics objects', () => {
  const pod = {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: 'p', namespace: 'n', uid: 'u', labels: { a: 'b' } },
  };
  const measured = {
    askedAtMs: 0,
    containers: [
      { ...usage, container: 'z', cpuNanoCores: 1_500_000, memoryBytes: 3 * 1024 },
      { ...usage, container: '', cpuNanoCores: 7 },
      { ...usage, container: 'a' },
      { ...usage, podUid: 'other' },
    ],
  };

  it('a pod has its containers by name, without its sandbox', () => {
    expect(podMetrics(pod, measured, 60_000)).toEqual({
      kind: 'PodMetrics',
      apiVersion: 'metrics.k8s.io/v1beta1',
      metadata: { name: 'p', namespace: 'n', labels: { a: 'b' }, creationTimestamp: '1970-01-01T00:01:00Z' },
      timestamp: '1970-01-01T00:00:05Z',
      window: '1.5s',
      containers: [
        { name: 'a', usage: { cpu: '1n', memory: '2Ki' } },
        { name: 'z', usage: { cpu: '1500u', memory: '3Ki' } },
      ],
    });
  });

  it('a pod that was not measured has none', () => {
    expect(podMetrics({ ...pod, metadata: { name: 'x', uid: 'y' } }, measured, 0)).toBeUndefined();
  });

  it('a node uses what all its containers use', () => {
    const node = { kind: 'Node', apiVersion: 'v1', metadata: { name: 'n1' } };
    expect(nodeMetrics(node, measured, 0)['usage']).toEqual({ cpu: '1500009n', memory: '9Ki' });
  });
});
