/**
 * A Service of type LoadBalancer on real hosts, as a user outside sees it: its address answers, and
 * moves when its host loses its power. Pods of the host network serve, so that only this is tested.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TEST_IMAGE } from '../../support/docker.ts';
import { eventually } from '../../support/kubectl.ts';
import { startTestbedCluster, type TestbedCluster } from '../../support/testbed/cluster.ts';

let cluster: TestbedCluster;
/** The host that is left. */
let answering = '';
beforeAll(async () => {
  cluster = await startTestbedCluster({
    hosts: 2,
    controlPlaneArgs: [
      ...['--load-balancer-pool', '192.168.77.200-192.168.77.201'],
      ...['--default-pod-security', 'privileged'],
    ],
  });
});
afterAll(() => cluster[Symbol.asyncDispose]());

const MANIFEST = `apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: elsewhere}
spec: {type: LoadBalancer, loadBalancerIP: 203.0.113.1, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      hostNetwork: true
      terminationGracePeriodSeconds: 0
      containers:
        - name: main
          image: ${TEST_IMAGE}
          command: [sh, -c, 'mkdir -p /www; hostname > /www/index.html; exec httpd -f -p 8080 -h /www']
          readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
`;

const ask = async (address: string): Promise<string> => {
  const { outside } = cluster.testbed;
  return (
    await outside.run('busybox', 'wget', '-q', '-T', '2', '-O', '-', `http://${address}/`)
  ).stdout.trim();
};
const announcer = (): Promise<string> =>
  cluster.kubectl(
    'get',
    'service',
    'web',
    '-o',
    'jsonpath={.metadata.annotations.symphony\\.dev/announced-by}',
  );

const podOn = (node: string): Promise<string> =>
  cluster
    .kubectl('get', 'pods', `--field-selector=spec.nodeName=${node}`, '-o', 'name')
    .then((text) => text.trim());

it('answers outside the cluster, and moves when its host loses its power', async () => {
  const { kubectl, hosts } = cluster;
  await kubectl.withInput(MANIFEST, 'apply', '-f', '-');
  await kubectl('rollout', 'status', 'daemonset/web', '--timeout=60s');
  let address = '';
  await eventually('it has an address', async () => {
    address = await kubectl('get', 'service', 'web', '-o', 'jsonpath={.status.loadBalancer.ingress[0].ip}');
    return address !== '';
  });
  expect(address).toMatch(/^192\.168\.77\.20[01]$/);
  let before = '';
  await eventually('a node answers for it', async () => (before = await announcer()) !== '');
  await eventually('the user is served', async () => (await ask(address)) === before);

  await hosts.find(({ name }) => name === before)?.powerOff();
  const other = hosts.find(({ name }) => name !== before)?.name ?? '';
  await eventually('the other host serves the user', async () => (await ask(address)) === other);
  expect(await announcer()).toBe(other);
  answering = other;
});

it('says in its table, its events and its conditions where there is no address', async () => {
  const { kubectl } = cluster;
  expect(await kubectl('get', 'service', 'elsewhere')).toContain('<pending>');
  const described = await kubectl('describe', 'service', 'elsewhere');
  expect(described).toContain('203.0.113.1 is not an address of --load-balancer-pool');
  const web = await kubectl('get', 'service', 'web');
  expect(web).toMatch(/LoadBalancer\s+10\.\S+\s+192\.168\.77\.20[01]\s/);
});

it('leads hosts and pods to the API at the first address of the Services', async () => {
  const { kubectl, hosts } = cluster;
  const survivor = hosts.find(({ name }) => name === answering);
  const env = await kubectl('exec', `--namespace=default`, await podOn(answering), '--', 'env');
  expect(env).toMatch(/^KUBERNETES_SERVICE_HOST=10\.96\.0\.1$/m);
  expect(env).toMatch(/^WEB_SERVICE_PORT=80$/m);
  const { stdout } = await survivor!.place.run(
    ...['curl', '--silent', '--insecure', '--max-time', '5', '--write-out', ' %{http_code}'],
    'https://10.96.0.1:443/version',
  );
  expect(stdout).toMatch(/gitVersion[^]* 200$/);
});
