/**
 * Commands of a story are processes: what one of them begins has begun when the next one arrives.
 */
import { expect, it } from 'vitest';
import { runStory } from './run-story.ts';

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 5,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'c', image: 'registry.example/app:1' }] },
    },
  },
};

async function sizesOfNew(steps: readonly Readonly<Record<string, unknown>>[]): Promise<unknown[]> {
  const log = { steps: [], objects: {}, events: [], podCounts: [] };
  const run = await runStory({
    steps: [{ create: deployment }, { wait: { pods: 5, ready: 5 } }, { quiet: 1 }, ...steps],
    final: {},
    log,
  });
  return [...new Set(run.sequences.get('ReplicaSet/web-<hash2>')?.map((state) => state['spec']))];
}

const change = { kubectl: 'set image deploy/web c=registry.example/app:2' };
const pause = { kubectl: 'rollout pause deploy/web' };
const resume = [{ kubectl: 'rollout resume deploy/web' }, { quiet: 2 }];

it('a rollout that is paused at once keeps its first pods, and goes on from them', async () => {
  expect(await sizesOfNew([change, pause, { quiet: 1 }, ...resume])).toEqual([2, 3, 5]);
});

it('a change of a paused Deployment makes nothing before it is resumed', async () => {
  expect(await sizesOfNew([pause, change, { quiet: 1 }])).toEqual([]);
  expect((await sizesOfNew([pause, change, { quiet: 1 }, ...resume])).at(-1)).toBe(5);
});
