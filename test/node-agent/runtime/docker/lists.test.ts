import { expect, it } from 'vitest';
import { silentLogger } from '../../../../src/base/logger.ts';
import { createContainers } from '../../../../src/node-agent/runtime/docker/containers.ts';
import type { Engine } from '../../../../src/node-agent/runtime/docker/engine.ts';
import { createImages } from '../../../../src/node-agent/runtime/docker/images.ts';
import type { Ownership } from '../../../../src/node-agent/runtime/docker/ownership.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

interface FakeContainer {
  status: string;
  ip: string;
  error?: string;
}

/** An Engine with these containers, and the ids that were inspected. */
function engineWith(containers: Map<string, FakeContainer>) {
  const inspected: string[] = [];
  const networks = ({ ip }: FakeContainer) => ({ Networks: { pods: { IPAddress: ip } } });
  const docker = {
    listContainers: async () =>
      [...containers].map(([Id, it]) => ({
        Id,
        Names: [`/name-${Id}`],
        State: it.status,
        NetworkSettings: networks(it),
      })),
    getContainer: (id: string) => ({
      inspect: async () => {
        inspected.push(id);
        const found = containers.get(id)!;
        const { status, error = '' } = found;
        return {
          Id: id,
          Name: `/name-${id}`,
          Image: 'sha256:i',
          Created: '2026-01-01T00:00:00Z',
          Config: { Image: 'i', Labels: {} },
          State: {
            Status: status,
            Running: status === 'running',
            Paused: status === 'paused',
            Restarting: false,
            OOMKilled: false,
            ExitCode: 0,
            Error: error,
            StartedAt: '2026-01-01T00:00:01Z',
            FinishedAt: '2026-01-01T00:00:02Z',
          },
          NetworkSettings: networks(found),
        };
      },
    }),
  };
  const call = (_: string, run: (options: object) => Promise<unknown>) => run({});
  const ownership = { isOurs: () => true, remember: () => undefined, filters: { label: [] } };
  const { list } = createContainers({
    engine: { docker, call } as unknown as Engine,
    ownership: ownership as unknown as Ownership,
    oomScores: { negativeAllowed: async () => true },
    logger: silentLogger,
  });
  const looksOf = async (how?: 'quick'): Promise<readonly string[]> => {
    await list(how);
    return inspected.splice(0).sort();
  };
  return { list, looksOf };
}

it('a quick list inspects what is new and what is no longer as it was', async () => {
  const containers = new Map<string, FakeContainer>([
    ['a', { status: 'running', ip: '10.0.0.1' }],
    ['b', { status: 'running', ip: '10.0.0.2' }],
    ['c', { status: 'exited', ip: '' }],
  ]);
  const { list, looksOf } = engineWith(containers);
  expect(await looksOf('quick')).toEqual(['a', 'b', 'c']);
  expect(await looksOf('quick')).toEqual([]);
  expect((await list('quick')).map(({ id, phase }) => `${id} ${phase}`)).toEqual([
    'a running',
    'b running',
    'c exited',
  ]);
  expect(await looksOf()).toEqual(['a', 'b', 'c']);
  containers.get('a')!.status = 'exited';
  containers.get('b')!.ip = '10.0.0.9';
  containers.get('c')!.status = 'running';
  containers.set('d', { status: 'running', ip: '' });
  expect(await looksOf('quick')).toEqual(['a', 'b', 'c', 'd']);
  containers.delete('d');
  expect(await looksOf('quick')).toEqual([]);
  containers.set('d', { status: 'running', ip: '' });
  expect(await looksOf('quick')).toEqual(['d']);
});

it.each(['created', 'dead', 'removing'])('what is %s is inspected each time', async (status) => {
  const { looksOf } = engineWith(new Map([['a', { status, ip: '', error: 'no such file' }]]));
  expect(await looksOf('quick')).toEqual(['a']);
  expect(await looksOf('quick')).toEqual(['a']);
});

it('a paused container still counts as one that runs', async () => {
  const containers = new Map([['a', { status: 'running', ip: '' }]]);
  const { looksOf } = engineWith(containers);
  await looksOf();
  containers.get('a')!.status = 'paused';
  expect(await looksOf('quick')).toEqual([]);
});

it('lists images with one question, without names that they do not have', async () => {
  const listed = [
    { Id: 'i1', RepoTags: ['app:1'], RepoDigests: ['app@sha256:1'], Size: 10 },
    { Id: 'i1', RepoTags: ['app:2'], RepoDigests: ['app@sha256:1'], Size: 10 },
    { Id: 'i2', RepoTags: ['<none>:<none>'], RepoDigests: ['<none>@<none>'], Size: 20 },
    { Id: 'i3', RepoTags: null, RepoDigests: null, Size: 30 },
  ];
  const questions: string[] = [];
  const engine = {
    docker: { listImages: async () => listed },
    call: (question: string, run: (options: object) => Promise<unknown>) => {
      questions.push(question);
      return run({});
    },
  } as unknown as Engine;
  expect(await createImages(engine, createFakeClock()).listImages()).toEqual([
    { id: 'i1', tags: ['app:1', 'app:2'], digests: ['app@sha256:1'], sizeBytes: 10 },
    { id: 'i2', tags: [], digests: [], sizeBytes: 20 },
    { id: 'i3', tags: [], digests: [], sizeBytes: 30 },
  ]);
  expect(questions).toEqual(['list images']);
});
