/**
 * The API from a pod. `symphony up` listens on the loopback of this machine, which no pod reaches:
 * in-cluster clients work all the same.
 */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { TEST_IMAGE, connectDocker } from '../support/docker.ts';
import { eventually, type ProgramResult, runProgram } from '../support/kubectl.ts';
import { startSymphony, type Symphony, writeTemporary } from '../support/symphony.ts';

let symphony: Symphony;
beforeAll(async () => {
  symphony = await startSymphony({ files: { 'pod.yaml': POD } });
});
beforeEach(() => symphony.explainFailure());
afterAll(() => symphony[Symbol.asyncDispose]());

const POD = `apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - {name: main, image: '${TEST_IMAGE}', command: [sleep, '86400']}
---
apiVersion: v1
kind: Pod
metadata: {name: unlinked}
spec:
  enableServiceLinks: false
  terminationGracePeriodSeconds: 0
  containers:
    - {name: main, image: '${TEST_IMAGE}', command: [sleep, '86400']}
---
apiVersion: v1
kind: Service
metadata: {name: my-db, annotations: {argocd.argoproj.io/sync-wave: '-1'}}
spec: {ports: [{name: sql, port: 5432}]}
`;
const SECRETS = '/var/run/secrets/kubernetes.io/serviceaccount';

const exec = (pod: string, ...command: readonly string[]): Promise<string> =>
  symphony.kubectl('exec', pod, '--', ...command);
const variablesOf = async (pod: string): Promise<Record<string, string>> =>
  Object.fromEntries((await exec(pod, 'env')).split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)));

/** `curl` of this machine in the network of the pod, with the pod's own token and authority. */
async function curlFromPod(pod: string, path: string): Promise<ProgramResult> {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '' } = await variablesOf(pod);
  const ca = await writeTemporary(
    symphony.dataDir,
    'pod-ca.crt',
    await exec(pod, 'cat', `${SECRETS}/ca.crt`),
  );
  const token = await exec(pod, 'cat', `${SECRETS}/token`);
  const [container] = Object.values(await symphony.containers()).filter(
    (one) => one.pod === pod && one.role !== 'sandbox',
  );
  const { State } = await connectDocker().getContainer(container!.id).inspect();
  const client = ['curl', '--silent', '--show-error', '--max-time', '10', '--cacert', ca];
  const name = ['--connect-to', `kubernetes.default:443:${host}:${port}`];
  const auth = ['--header', `Authorization: Bearer ${token}`];
  const url = `https://kubernetes.default:443${path}`;
  return runProgram('nsenter', ['--target', String(State.Pid), '--net', ...client, ...name, ...auth, url]);
}

it('is named by variables, as are the Services of the namespace', async () => {
  await symphony.kubectl('wait', '--for=condition=Ready', 'pod/client', 'pod/unlinked', '--timeout=60s');
  const address = await symphony.kubectl('get', 'service', 'kubernetes', '-o', 'jsonpath={.spec.clusterIP}');
  const database = await symphony.kubectl('get', 'service', 'my-db', '-o', 'jsonpath={.spec.clusterIP}');
  expect(await variablesOf('client')).toMatchObject({
    KUBERNETES_SERVICE_HOST: address,
    KUBERNETES_SERVICE_PORT: '443',
    KUBERNETES_SERVICE_PORT_HTTPS: '443',
    KUBERNETES_PORT_443_TCP_ADDR: address,
    MY_DB_SERVICE_HOST: database,
    MY_DB_SERVICE_PORT_SQL: '5432',
    MY_DB_PORT: `tcp://${database}:5432`,
  });
  const unlinked = await variablesOf('unlinked');
  expect([unlinked['KUBERNETES_SERVICE_HOST'], unlinked['MY_DB_SERVICE_HOST']]).toEqual([address, undefined]);
});

it('answers a pod by its name and certificate, as its service account', async () => {
  await eventually('a pod reaches the API', async () => (await curlFromPod('client', '/version')).code === 0);
  const { stdout } = await curlFromPod('client', '/api/v1/namespaces/default/secrets');
  expect(stdout).toContain('system:serviceaccount:default:default');
});

it('answers again after the control plane was restarted, without anything done to the pod', async () => {
  await symphony.stop();
  await symphony.start();
  await eventually('a pod reaches the API', async () => (await curlFromPod('client', '/version')).code === 0);
});
