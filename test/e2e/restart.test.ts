/**
 * The whole process dies at the worst moments, and with it the control plane and the agents.
 * Started again on the same data it converges, and no container that was right is restarted or
 * replaced.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectDocker } from '../support/docker.ts';
import { eventually } from '../support/kubectl.ts';
import { type ContainerFacts, startSymphony, type Symphony } from '../support/symphony.ts';
import { tool, STAY, web } from './manifests.ts';

describe('symphony up, killed and started again', () => {
  let symphony: Symphony;

  const bystanders = tool({
    name: 'pair',
    script: STAY,
    spec: '  initContainers: [{name: seed, image: "symphony.example/tools:1", command: ["sh", "-c", "true"]}]\n',
  }).concat(`    - name: second
      image: symphony.example/tools:1
      command: ["sh", "-c", ${JSON.stringify(STAY)}]
`);
  const rollout = (version: '1' | '2'): string =>
    web({
      name: 'web',
      replicas: 4,
      version,
      spec: '  minReadySeconds: 1\n  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}\n',
    });

  beforeAll(async () => {
    const files = {
      'web.yaml': rollout('1'),
      'bystanders.yaml': bystanders,
      'other.yaml': web({ name: 'other', replicas: 2 }),
    };
    symphony = await startSymphony({ nodes: 2, files });
    await symphony.untilNote((await symphony.repository.git('rev-parse', 'HEAD')).trim(), 'success');
  });
  afterAll(() => symphony?.[Symbol.asyncDispose]());
  beforeEach(() => symphony.explainFailure());

  const of = (facts: readonly ContainerFacts[], app: RegExp): readonly ContainerFacts[] =>
    facts.filter(({ pod, running }) => running && app.test(pod));
  const right = (facts: readonly ContainerFacts[], image: string): readonly ContainerFacts[] => [
    ...of(facts, /^(pair|other-)/),
    ...of(facts, /^web-/).filter((container) => container.image === image),
  ];

  /**
   * Commits a version, kills when `moment` holds, starts again, waits for the end; nothing that was
   * right may differ.
   */
  async function killDuringRollout(
    version: '1' | '2',
    moment: (image: string, facts: readonly ContainerFacts[]) => boolean,
    withRedis: boolean,
  ): Promise<void> {
    const image = `symphony.example/web:${version}`;
    const sha = await symphony.repository.commit({ 'web.yaml': rollout(version) });
    await eventually('the rollout is under way', async () => moment(image, await symphony.containers()));
    await symphony.kill({ withRedis });
    const before = right(await symphony.containers(), image);
    expect(before.length).toBeGreaterThanOrEqual(5);
    await symphony.start();
    await symphony.untilNote(sha, 'success');
    const after = await untilConverged(image);
    expect(right(after, image)).toEqual(expect.arrayContaining([...before]));
    const { items } = await symphony.kubectl.json('get', 'pods');
    const restarts = items.flatMap(
      ({ status }: { status: { containerStatuses: { restartCount: number }[] } }) =>
        status.containerStatuses.map(({ restartCount }) => restartCount),
    );
    expect(new Set(restarts)).toEqual(new Set([0]));
  }

  /** A stopped container may outlive the commit's success by its grace. */
  const untilConverged = (image: string): Promise<readonly ContainerFacts[]> =>
    eventually('the rollout has converged', async () => {
      const facts = await symphony.containers();
      const webs = facts.filter(({ pod }) => pod.startsWith('web-'));
      const isRight = (container: ContainerFacts): boolean => container.running && container.image === image;
      return webs.length === 4 && webs.every(isRight) && facts;
    });

  const newOnes = (image: string, facts: readonly ContainerFacts[]): number =>
    facts.filter((container) => container.image === image && /^web-/.test(container.pod) && container.running)
      .length;

  it('goes on in the middle of a rollout', async () => {
    await killDuringRollout('2', (image, facts) => newOnes(image, facts) >= 2, false);
  });

  it('goes on when the datastore died in the same moment, as the first new container appeared', async () => {
    await killDuringRollout('1', (image, facts) => newOnes(image, facts) >= 1, true);
  });

  it('goes on when it is killed as soon as the commit is seen, before anything is changed', async () => {
    const before = of(await symphony.containers(), /^(pair|other-)/);
    const sha = await symphony.repository.commit({ 'web.yaml': rollout('2') });
    await eventually('the commit is seen', async () => (await symphony.note(sha)) !== undefined);
    await symphony.kill();
    await symphony.start();
    await symphony.untilNote(sha, 'success');
    const after = await untilConverged('symphony.example/web:2');
    expect(of(after, /^(pair|other-)/)).toEqual(before);
  });

  it('leaves everything running at SIGTERM, and does nothing when it is started again', async () => {
    const before = await symphony.containers();
    expect(await symphony.stop()).toBe(0);
    expect(await symphony.containers()).toEqual(before);
    await symphony.start();
    const head = (await symphony.repository.git('rev-parse', 'HEAD')).trim();
    const sha = await symphony.repository.commit({ 'extra.yaml': tool({ name: 'extra', script: STAY }) });
    expect(sha).not.toBe(head);
    await symphony.untilNote(sha, 'success');
    expect(await symphony.containers()).toEqual(expect.arrayContaining([...before]));
  });

  it('takes a container that died meanwhile as what it is, and starts it again', async () => {
    const [victim] = of(await symphony.containers(), /^extra$/);
    await symphony.kill();
    const { pid } = await inspectPid(victim?.id ?? '');
    process.kill(pid, 'SIGKILL');
    await eventually(
      'the container is dead',
      async () => of(await symphony.containers(), /^extra$/).length === 0,
    );
    const before = of(await symphony.containers(), /./);
    await symphony.start();
    await eventually('it runs again', async () => of(await symphony.containers(), /^extra$/).length === 1);
    expect(of(await symphony.containers(), /^(?!extra)/)).toEqual(before);
    await eventually('the restart is counted', async () => {
      const { status } = await symphony.kubectl.json('get', 'pod', 'extra');
      return status.containerStatuses[0].restartCount === 1;
    });
  });
});

async function inspectPid(id: string): Promise<{ readonly pid: number }> {
  const { State } = await connectDocker().getContainer(id).inspect();
  return { pid: State.Pid };
}
