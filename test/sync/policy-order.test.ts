/**
 * One commit brings policy and what it governs: admission sees the policy first, so nothing fails
 * on the way.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Pod } from '../../src/schemas/types.ts';
import { type Harness, POLL_MS, configMap, createHarness } from './harness.ts';

let at: Harness;
beforeEach(async () => {
  at = await createHarness({ admission: true });
});
afterEach(async () => at[Symbol.asyncDispose]());

const pod = (extra: string, container = ''): string =>
  `apiVersion: v1
kind: Pod
metadata: {name: p, namespace: shop}
spec:
  ${extra}
  containers:
    - name: c
      image: "x:1"
      ${container}
`;
const namespace = (labels: string): string =>
  `apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {${labels}}}\n`;
const limits = (spec: string): string =>
  `apiVersion: v1\nkind: LimitRange\nmetadata: {name: limits, namespace: shop}\nspec: {limits: [${spec}]}\n`;
const PRIVILEGED = 'pod-security.kubernetes.io/enforce: privileged';

/** The pod after the second commit, and every problem that was shown on the way. */
async function second(files: Record<string, string | null>): Promise<{ pod: Pod; problems: string[] }> {
  at.repository.commit({ 'ns.yaml': namespace(''), 'a.yaml': configMap('a', {}) });
  await at.start();
  await at.pass();
  at.repository.commit(files);
  const problems: string[] = [];
  const applications = await at.caches.open('applications.argoproj.io');
  const watching = applications.subscribe(({ object }) => {
    for (const { type, message } of (object['status'] as { conditions?: { type: string; message: string }[] })
      ?.conditions ?? [])
      problems.push(`${type}: ${message}`);
  });
  await at.pass(POLL_MS * 1.2);
  watching[Symbol.dispose]();
  return { pod: (await at.get('pods', 'shop/p')) as Pod, problems };
}

it('a namespace that becomes privileged, and a pod that needs it', async () => {
  const result = await second({
    'a-pod.yaml': pod('', 'ports: [{containerPort: 80, hostPort: 80}]'),
    'ns.yaml': namespace(PRIVILEGED),
  });
  expect(result.problems).toEqual([]);
  expect(result.pod.spec.containers[0]?.ports?.[0]?.hostPort).toBe(80);
});

it('a limit range, and a pod that gets its defaults', async () => {
  const result = await second({
    'a-pod.yaml': pod(''),
    'limits.yaml': limits('{type: Container, default: {cpu: "1"}, defaultRequest: {cpu: 100m}}'),
  });
  expect(result.problems).toEqual([]);
  expect(result.pod.spec.containers[0]?.resources).toEqual({
    limits: { cpu: '1' },
    requests: { cpu: '100m' },
  });
});

it('an account with its pull secrets and a priority class, changed, and a pod that uses them', async () => {
  const account = (secret: string): string =>
    `apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: robot, namespace: shop}\nimagePullSecrets: [{name: ${secret}}]\n`;
  at.repository.commit({ 'ns.yaml': namespace(''), 'account.yaml': account('old') });
  const result = await second({
    'a-pod.yaml': pod('serviceAccountName: robot\n  priorityClassName: high'),
    'account.yaml': account('new'),
    'z-class.yaml':
      'apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: high}\nvalue: 7\n',
  });
  expect(result.problems).toEqual([]);
  expect(result.pod.spec).toMatchObject({ priority: 7, imagePullSecrets: [{ name: 'new' }] });
});

it('a limit that goes, and a pod that it would refuse', async () => {
  at.repository.commit({
    'ns.yaml': namespace(''),
    'limits.yaml': limits('{type: Container, max: {cpu: "1"}}'),
  });
  const result = await second({
    'limits.yaml': null,
    'a-pod.yaml': pod('', 'resources: {limits: {cpu: "2"}, requests: {cpu: "2"}}'),
  });
  expect(result.problems).toEqual([]);
  expect(result.pod).toBeDefined();
});
