/** NetworkPolicies on real containers, with kubectl: between pods, and through a Service. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, WAIT_TIMEOUT } from '../support/kubectl.ts';
import { startSymphony, type Symphony } from '../support/symphony.ts';
import { STAY, tool, web } from './manifests.ts';

const DENY_ALL = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny-all}
spec: {podSelector: {}, policyTypes: [Ingress]}`;

const ALLOW_FRIENDS = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow-friends}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
    - from: [{podSelector: {matchLabels: {friend: "yes"}}}]
      ports: [{port: http}]`;

/** Its own time limit makes the wget of a static busybox crash. */
const fetch = (seconds: number, url: string): string => `busybox timeout ${seconds} wget -q -O - ${url}`;

describe('a network policy', () => {
  let symphony: Symphony;
  let kubectl: Symphony['kubectl'];

  beforeAll(async () => {
    symphony = await startSymphony({ nodes: 2 });
    kubectl = symphony.kubectl;
    await apply(web({ replicas: 1 }));
    await apply(tool({ name: 'friend', script: STAY, labels: '{friend: "yes"}' }));
    await apply(tool({ name: 'stranger', script: STAY }));
    await kubectl('expose', 'deployment', 'web', '--port=80', '--target-port=http');
    await kubectl('rollout', 'status', 'deployment/web', WAIT_TIMEOUT);
    await kubectl('wait', '--for=condition=Ready', 'pod/friend', 'pod/stranger', WAIT_TIMEOUT);
  });
  afterAll(() => symphony?.[Symbol.asyncDispose]());
  beforeEach(() => symphony.explainFailure());

  const apply = (text: string): Promise<string> => kubectl.withInput(text, 'apply', '-f', '-');
  const webAddress = (): Promise<string> =>
    kubectl('get', 'pod', '-l', 'app=web', '-o', 'jsonpath={.items[0].status.podIP}');
  const serviceAddress = (): Promise<string> =>
    kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}');

  /** Whom the web server answers, at its own address and at that of its Service. */
  async function answered(): Promise<readonly string[]> {
    const urls = { pod: `${await webAddress()}:8080`, service: await serviceAddress() };
    const found = await Promise.all(
      ['friend', 'stranger'].flatMap((client) =>
        Object.entries(urls).map(async ([by, url]) => {
          const get = ['exec', client, '--', 'sh', '-c', fetch(3, `http://${url}/`)];
          return (await kubectl.try(...get)).code === 0 ? [`${client} by ${by}`] : [];
        }),
      ),
    );
    return found.flat();
  }
  const becomes = (...expected: readonly string[]): Promise<unknown> =>
    eventually(`answers go to ${expected.join(', ') || 'nobody'}`, async () => {
      const now = await answered();
      return now.length === expected.length && expected.every((one) => now.includes(one));
    });
  const EVERYBODY = ['friend by pod', 'friend by service', 'stranger by pod', 'stranger by service'];

  it('denies all, then allows some, and ends with its object', async () => {
    await becomes(...EVERYBODY);
    await apply(DENY_ALL);
    await becomes();
    await apply(ALLOW_FRIENDS);
    await becomes('friend by pod', 'friend by service');
    // Probes of the node pass.
    await kubectl('wait', '--for=condition=Ready', 'pod', '-l', 'app=web', WAIT_TIMEOUT);
  });

  it('holds for a new pod from its first moment, and while the agent is away', async () => {
    await kubectl('delete', 'pod', '-l', 'app=web');
    await kubectl('rollout', 'status', 'deployment/web', WAIT_TIMEOUT);
    const trier = `i=0; while [ $i -lt 20 ]; do i=$((i+1)); ${fetch(1, `http://${await webAddress()}:8080/`)} && exit 1; done; exit 0`;
    await apply(tool({ name: 'trier', script: trier, spec: '  restartPolicy: Never\n' }));
    await kubectl('wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/trier', WAIT_TIMEOUT);
    await symphony.stop();
    await symphony.start();
    await becomes('friend by pod', 'friend by service');
    await kubectl('delete', 'networkpolicy', 'deny-all', 'allow-friends');
    await becomes(...EVERYBODY);
    expect(await kubectl('get', 'networkpolicies', '-o', 'name')).toBe('');
  });
});
