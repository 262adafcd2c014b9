import { expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { type ApiClient, resources } from '../../../src/client/types.ts';
import { conflict } from '../../../src/schemas/errors/status.ts';
import { createReportQueue } from '../../../src/node-agent/node/report-queue.ts';
import { createStatusWriter } from '../../../src/node-agent/pod/status-writer.ts';
import type { StatusWriter } from '../../../src/node-agent/ports.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { type AgentFakeApi, createAgentFakeApi } from '../../support/agent-fake-api.ts';
import { aPod } from '../../support/agent-world.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const at = '2026-01-01T00:00:00Z';
const condition = (type: string, status: string) => ({ type, status, lastTransitionTime: at });

function setUp(change: (api: AgentFakeApi) => Partial<ApiClient> = () => ({})) {
  const api = createAgentFakeApi();
  const clock = createFakeClock();
  const stop = new AbortController();
  const client = { ...api.client, ...change(api) };
  const { signal } = stop;
  const confirm = async (): Promise<void> => {};
  const reports = createReportQueue({ client, clock, nodeName: 'n1', confirm, signal });
  const writer: StatusWriter = createStatusWriter({ reports, clock, logger: silentLogger, signal });
  api.put('pods', aPod('web'));
  const stored = (): Pod => {
    const pod = api.get<Pod>('pods', 'default/web');
    if (!pod) throw new Error('the pod is gone');
    return pod;
  };
  return { api, clock, writer, stored };
}

it('needs no version, and keeps the conditions of others', async () => {
  const { api, clock, writer, stored } = setUp();
  const old = stored();
  api.put('pods', {
    ...old,
    metadata: { ...old.metadata, labels: { changed: 'meanwhile' } },
    status: {
      ...old.status,
      conditions: [condition('PodScheduled', 'True'), condition('example.com/gate', 'True')],
    },
  });
  writer.submit(old, { phase: 'Running', conditions: [condition('Ready', 'True')] });
  await clock.advance(1_000);
  expect(stored().status).toMatchObject({ phase: 'Running' });
  expect(
    stored()
      .status?.conditions?.map(({ type }) => type)
      .sort(),
  ).toEqual(['PodScheduled', 'Ready', 'example.com/gate']);
  expect(stored().metadata.labels).toEqual({ changed: 'meanwhile' });
});

it('takes back a condition of its own that does not hold any more', async () => {
  const { api, clock, writer, stored } = setUp();
  const resize = (message: string) => ({ ...condition('PodResizePending', 'True'), message });
  for (const conditions of [[resize('a')], [resize('a, b')], []]) {
    writer.submit(stored(), { phase: 'Running', conditions });
    await clock.advance(1_000);
    const own = stored().status?.conditions?.filter(({ type }) => type === 'PodResizePending');
    expect(own).toEqual(conditions);
  }
  expect(api.writes).toHaveLength(3);
});

it('never writes the status of a pod to another pod of the same name', async () => {
  const { api, clock, writer, stored } = setUp();
  const old = stored();
  api.put('pods', { ...old, metadata: { ...old.metadata, uid: 'another' } });
  writer.submit(old, { phase: 'Failed' });
  await clock.advance(60_000);
  expect(stored().status?.phase).toBe('Pending');
});

it('writes the newest status once the API answers again, and none of those between', async () => {
  const { api, clock, writer, stored } = setUp();
  const pod = stored();
  api.setAway(true);
  writer.submit(pod, { phase: 'Pending', message: 'first' });
  await clock.advance(1_000);
  writer.submit(pod, { phase: 'Running', message: 'second' });
  writer.submit(pod, { phase: 'Running', message: 'third' });
  await clock.advance(10_000);
  api.setAway(false);
  await clock.advance(60_000);
  expect(stored().status).toMatchObject({ phase: 'Running', message: 'third' });
  expect(api.writes).toEqual(['update pods/status default/web']);
});

it('tries again what the control plane refuses, after a rest', async () => {
  let refusals = 15;
  const { clock, writer, stored } = setUp((api) => ({
    report: async (node, objects) =>
      refusals-- > 0 ? objects.map(() => conflict(resources.pods, 'web')) : api.client.report(node, objects),
  }));
  writer.submit(stored(), { phase: 'Running' });
  await clock.advance(100);
  expect(stored().status?.phase).toBe('Pending');
  await clock.advance(60_000);
  expect(stored().status?.phase).toBe('Running');
});

it('writes once what a pod passes through while it starts', async () => {
  const { api, clock, writer, stored } = setUp();
  writer.submit(stored(), { phase: 'Pending', message: 'creating' });
  await clock.advance(20);
  writer.submit(stored(), { phase: 'Running', message: 'running' });
  await clock.advance(1_000);
  expect(stored().status).toMatchObject({ phase: 'Running', message: 'running' });
  expect(api.writes).toEqual(['update pods/status default/web']);
});
