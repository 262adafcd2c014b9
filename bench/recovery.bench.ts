/**
 * The control plane is killed in the middle of a rollout and started again: the time from the kill
 * until the commit's status is `success`, which says that everything is right. A plain rollout is
 * the other side. Nodes are hollow, so that the figure is the control plane's own. The stability
 * window of one second is part of both.
 */
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { fromKubeconfig } from '../src/client/http.ts';
import { resources } from '../src/client/types.ts';
import type { Pod } from '../src/schemas/types.ts';
import { git } from '../test/support/git-server.ts';
import { eventually } from '../test/support/kubectl.ts';
import { median, numberAfter, progress, reporter, spread } from './support/figures.ts';
import { startSymphony } from './support/symphony.ts';

const REPEATS = numberAfter('--repeats', 5);
const PODS = numberAfter('--pods', 6);

const report = reporter('recovery');
const symphony = await startSymphony({
  commitStatus: 'notes',
  pollInterval: '300ms',
  flags: ['--runtime', 'hollow', '--nodes', '2', '--stability-window', '1s'],
});
const client = await fromKubeconfig(symphony.kubectlConfig, { clock: systemClock, logger: silentLogger });
const { repository } = symphony;

const commit = (version: number): Promise<string> =>
  repository.commit({
    'web.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: ${PODS}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: c, image: "registry.example/app:${version}"}]
`,
  });

async function succeeded(sha: string): Promise<void> {
  const read = async (): Promise<boolean> => {
    const note = await git(repository.bare, 'notes', '--ref=symphony', 'show', sha).catch(() => '{}');
    return (JSON.parse(note) as { state?: string }).state === 'success';
  };
  await eventually(`${sha} is a success`, read);
}

async function rolloutBegan(version: number): Promise<void> {
  const read = async (): Promise<boolean> => {
    const { items } = await client.list<Pod>(resources.pods, { namespace: 'default' });
    return items.some(({ spec }) => spec?.containers?.[0]?.image?.endsWith(`:${version}`) === true);
  };
  await eventually(`the rollout of version ${version} has begun`, read);
}

const times = { plain: [] as number[], crashed: [] as number[] };
try {
  await succeeded(await commit(0));
  for (let repeat = 0, version = 1; repeat < REPEATS; repeat += 1, version += 2) {
    progress(`repeat ${repeat + 1} of ${REPEATS}`);
    const beganMs = performance.now();
    await succeeded(await commit(version));
    times.plain.push(performance.now() - beganMs);
    const sha = await commit(version + 1);
    await rolloutBegan(version + 1);
    const killedMs = performance.now();
    await symphony.crash();
    await succeeded(sha);
    times.crashed.push(performance.now() - killedMs);
  }
  report({
    name: 'kill in the middle of a rollout to the commit status success',
    value: median(times.crashed) / 1_000,
    unit: 's',
    baseline: median(times.plain) / 1_000,
    ratio: median(times.crashed) / median(times.plain),
    note: `${spread(times.crashed)} ms; a plain rollout ${spread(times.plain)} ms`,
  });
} finally {
  client[Symbol.dispose]();
  await symphony[Symbol.asyncDispose]();
}
