/**
 * Node warns when more than ten wait on one signal or emitter: with thirty of everything, nothing
 * may do so.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Pod } from '../../src/schemas/types.ts';
import { aPod, createAgentWorld } from '../support/agent-world.ts';
import { createSimWorld } from '../support/sim-world.ts';

const MANY = 30;
const warnings: string[] = [];
const note = (warning: Error): void => void warnings.push(`${warning.name}: ${warning.message}`);

beforeEach(() => {
  warnings.length = 0;
  process.on('warning', note);
});
afterEach(() => void process.off('warning', note));

/** Warnings are told in a later turn. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const numbered = (prefix: string): string[] =>
  Array.from({ length: MANY }, (_, index) => `${prefix}${index + 1}`);

it('runs thirty pods on one node, through a restart of its agent and their end', async () => {
  const probe = { httpGet: { port: 80 }, periodSeconds: 1 };
  const containers: Pod['spec']['containers'] = ['a', 'b'].map((name) => ({
    name,
    image: 'x',
    readinessProbe: probe,
    lifecycle: { preStop: { sleep: { seconds: 1 } } },
  }));
  await using world = await createAgentWorld();
  for (const name of numbered('web')) world.api.put('pods', aPod(name, { containers }));
  await world.clock.advance(20_000);
  expect(numbered('web').map((name) => world.pod(name)?.status?.phase)).toEqual(
    numbered('web').map(() => 'Running'),
  );
  // Each pod waits to say what became of it.
  world.api.setAway(true);
  for (const { id, name } of world.runtime.snapshot())
    if (!name.includes('_POD_')) world.runtime.crash(id, 1);
  await world.clock.advance(3_000);
  world.api.setAway(false);
  await world.restartAgent();
  await world.clock.advance(5_000);
  for (const name of numbered('web')) world.api.remove('pods', `default/${name}`);
  await world.clock.advance(60_000);
  expect(world.runtime.snapshot()).toEqual([]);
  await settled();
  expect(warnings).toEqual([]);
});

it('runs thirty nodes with a pod on each', async () => {
  const problems: string[] = [];
  await using world = createSimWorld({
    seed: 1,
    nodes: numbered('n').map((name) => ({ name, cpus: 1, labels: {} })),
    programOf: () => ({}),
    pullable: () => true,
    report: (invariant, problem) => void problems.push(`${invariant}: ${problem}`),
    onSettled: () => undefined,
  });
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      replicas: MANY,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          containers: [{ name: 'c', image: 'app', resources: { requests: { cpu: '600m' } } }],
        },
      },
    },
  };
  world.repository.commit({ 'web.yaml': JSON.stringify(deployment) }, { subject: 'thirty pods' });
  world.controlPlane.start();
  const started = Promise.all(world.nodes.map((node) => node.start()));
  await world.clock.advance(60_000);
  await started;
  const running = world.nodes.map(({ engine }) =>
    engine.snapshot().filter(({ phase }) => phase === 'running'),
  );
  expect(running.map((containers) => containers.length)).toEqual(numbered('n').map(() => 1));
  await settled();
  expect([warnings, problems]).toEqual([[], []]);
});
