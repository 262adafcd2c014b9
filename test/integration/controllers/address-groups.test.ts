/** AddressGroups of a whole control plane on a real Redis, with hollow nodes, seen through kubectl. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type InProcess, startInProcess } from '../../support/in-process.ts';
import { createKubectl, eventually, type Kubectl } from '../../support/kubectl.ts';
import { startTestRedis, type TestRedis } from '../../support/redis.ts';

const MANIFESTS = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "nginx:1", ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: to-web}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress: [{to: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: http}]}]
`;

let directory: string;
let redis: TestRedis;
let plane: InProcess;
let kubectl: Kubectl;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-groups-'));
  redis = await startTestRedis();
  plane = await startInProcess({ directory, redisUrl: redis.url });
  kubectl = createKubectl(join(directory, 'data', 'kubeconfig'), directory);
});
afterAll(async () => {
  await plane[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const lines = async (resource: string, path: string): Promise<readonly string[]> =>
  (await kubectl('get', resource, '-o', `jsonpath={range .items[*]${path}{"\\n"}{end}`))
    .split('\n')
    .filter((line) => line !== '');
const addresses = (): Promise<readonly string[]> => lines('addressgroups', '.addresses[*]}{.ip} {.ports}');
const groupsAreOf = (count: number): Promise<unknown> =>
  eventually(`the addresses of ${String(count)} pods`, async () => {
    const ips = await lines('pods', '}{.status.podIP}');
    const port = '[{"name":"http","port":8080,"protocol":"TCP"}]';
    const expected = ips.map((ip) => `${ip} ${port}`).sort();
    return ips.length === count && [...(await addresses())].sort().join() === expected.join();
  });

it('hold the addresses of the pods that a policy names, are read only, and go with the policy', async () => {
  await kubectl.withInput(MANIFESTS, 'apply', '-f', '-');
  await groupsAreOf(3);
  await kubectl('scale', 'deployment/web', '--replicas=5');
  await groupsAreOf(5);

  const table = await kubectl('get', 'addressgroups');
  expect(table).toMatch(/^NAME +NAMESPACE +NAMESPACE-SELECTOR +POD-SELECTOR +ADDRESSES +AGE\n/);
  expect(table).toMatch(/ default +<none> +app=web +\S+,\S+,\S+ \+ 2 more\.\.\. /);
  expect(await kubectl('explain', 'addressgroup.spec.podSelector')).toContain('labels of the pods');
  const refused = await kubectl.try('delete', 'addressgroups', '--all');
  expect(refused.stderr).toContain('the server does not allow this method on the requested resource');
  expect(await kubectl('get', 'all')).not.toContain('addressgroup');

  await kubectl('delete', 'networkpolicy', 'to-web');
  await eventually(
    'the end of the groups',
    async () => (await kubectl('get', 'addressgroups', '-o', 'name')) === '',
  );
});
