/** Pods on real containers. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, type KubeJson, WAIT_TIMEOUT } from '../support/kubectl.ts';
import { freePort, startSymphony, type Symphony } from '../support/symphony.ts';
import { configMap, STAY, tool, web } from './manifests.ts';

describe('a pod', () => {
  let symphony: Symphony;
  let kubectl: Symphony['kubectl'];

  beforeAll(async () => {
    symphony = await startSymphony();
    kubectl = symphony.kubectl;
    await kubectl('wait', '--for=condition=Ready', 'nodes', '--all', WAIT_TIMEOUT);
    // Ports and directories of the host are more than the level that namespaces have by default.
    await kubectl('label', 'namespace', 'default', 'pod-security.kubernetes.io/enforce=privileged');
  });
  afterAll(() => symphony?.[Symbol.asyncDispose]());
  beforeEach(() => symphony.explainFailure());

  const apply = (text: string): Promise<string> => kubectl.withInput(text, 'apply', '-f', '-');
  const statusOf = async (pod: string): Promise<KubeJson> =>
    (await kubectl.json('get', 'pod', pod))['status'];
  const untilMain = (
    pod: string,
    what: string,
    holds: (container: KubeJson, status: KubeJson) => boolean,
  ): Promise<KubeJson> =>
    eventually(`${pod} ${what}`, async () => {
      const status = await statusOf(pod);
      const container = status['containerStatuses']?.[0] as KubeJson | undefined;
      return container && holds(container, status) && container;
    });
  const eventsOf = (pod: string): Promise<string> =>
    kubectl('get', 'events', '--field-selector', `involvedObject.name=${pod}`);
  const logs = async (pod: string): Promise<string> => (await kubectl.try('logs', pod)).stdout;
  const untilLog = (pod: string, line: string): Promise<unknown> =>
    eventually(`${pod} says ${line}`, async () => (await logs(pod)).includes(line));

  it('is restarted when its liveness probe fails', async () => {
    await apply(
      tool({
        name: 'sick',
        script: `touch /tmp/alive; ${STAY.replace('while', 'sleep 2; rm /tmp/alive; while')}`,
        container:
          '      livenessProbe: {exec: {command: ["cat", "/tmp/alive"]}, periodSeconds: 1, failureThreshold: 1}\n',
      }),
    );
    const container = await untilMain('sick', 'was restarted', ({ restartCount }) => restartCount >= 1);
    expect(container['lastState'].terminated).toBeDefined();
    const events = await eventually('the events tell it', async () => {
      const text = await eventsOf('sick');
      return text.includes('Unhealthy') && text.includes('Killing') && text;
    });
    expect(events).toMatch(/Warning +Unhealthy +pod\/sick +Liveness probe failed: cat:/);
    expect(events).toMatch(
      /Normal +Killing +pod\/sick +Container main failed liveness probe, will be restarted/,
    );
    await kubectl('delete', 'pod', 'sick');
  });

  it('that cannot start, or is not ready, has an event that says why', async () => {
    const probe = '      readinessProbe: {httpGet: {port: 8080, path: /healthz}, periodSeconds: 1}\n';
    await apply(tool({ name: 'deaf', script: STAY, container: probe }));
    const mount = '      volumeMounts: [{name: data, mountPath: /data}]\n';
    const volumes = '  volumes: [{name: data, configMap: {name: no-such-settings}}]\n';
    await apply(tool({ name: 'mountless', script: STAY, spec: volumes, container: mount }));
    const gone = '      command: [no-such-program]\n';
    await apply(tool({ name: 'commandless', script: STAY }).replace(/ +command: .*\n/, gone));
    const refused =
      /Warning +Unhealthy +pod\/deaf +Readiness probe failed: Get "http:\/\/[\d.]+:8080\/healthz": dial tcp [\d.]+:8080: connect: connection refused/;
    await eventually('the probe is told', async () => refused.test(await eventsOf('deaf')));
    const missing =
      /Warning +FailedMount +pod\/mountless +MountVolume.SetUp failed for volume "data" : configmap "no-such-settings" not found/;
    await eventually('the volume is told', async () => missing.test(await eventsOf('mountless')));
    const container = await untilMain('mountless', 'waits', ({ state }) => state.waiting?.message);
    expect(container['state'].waiting).toMatchObject({
      reason: 'ContainerCreating',
      message: expect.stringContaining('configmap "no-such-settings" not found') as string,
    });
    const notFound = /Warning +Failed +pod\/commandless +Error: .*executable file not found in \$PATH/;
    await eventually('the command is told', async () => notFound.test(await eventsOf('commandless')));
    await kubectl('delete', 'pod', 'deaf', 'mountless', 'commandless');
  });

  it('that takes more memory than it may is OOMKilled, with exit code 137', async () => {
    await apply(
      tool({
        name: 'glutton',
        script: 'x=x; while :; do x=$x$x; done',
        spec: '  restartPolicy: Never\n',
        container: '      resources: {limits: {memory: 16Mi}}\n',
      }),
    );
    const container = await untilMain('glutton', 'has ended', ({ state }) => state.terminated !== undefined);
    expect(container['state'].terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
    expect(await kubectl('get', 'pod', 'glutton')).toMatch(/glutton +0\/1 +OOMKilled +0/);
    expect((await statusOf('glutton'))['phase']).toBe('Failed');
  });

  it('that crashes again and again waits in CrashLoopBackOff and keeps its last words', async () => {
    await apply(tool({ name: 'crasher', script: 'echo going down; exit 9' }));
    const container = await untilMain(
      'crasher',
      'backs off',
      ({ state }) => state.waiting?.reason === 'CrashLoopBackOff',
    );
    expect(container['lastState'].terminated).toMatchObject({ exitCode: 9, reason: 'Error' });
    expect(container['restartCount']).toBeGreaterThanOrEqual(1);
    expect(container['state'].waiting.message).toMatch(/^back-off \d+s restarting failed container=main/);
    expect(await kubectl('logs', 'crasher', '--previous')).toBe('going down\n');
    // It leaves that state for its next attempt and comes back, and events are written behind the
    // state.
    await eventually('the table shows it', async () =>
      /crasher +0\/1 +CrashLoopBackOff +\d+/.test(await kubectl('get', 'pod', 'crasher')),
    );
    await eventually('an event tells it', async () =>
      /Warning +BackOff +pod\/crasher/.test(await eventsOf('crasher')),
    );
    await kubectl('delete', 'pod', 'crasher', 'glutton');
  });

  it('sees memory as a disk, secrets as environment, and a changed ConfigMap as changed files', async () => {
    await apply(configMap('letters', { 'a.txt': 'first' }));
    await apply(
      '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"keys"},"stringData":{"KEY":"s3cret"}}',
    );
    await apply(
      tool({
        name: 'reader',
        script: [
          'trap "exit 0" TERM; stat -f -c "memory is %T" /memory; echo "key is $KEY, file key is $(cat /keys/KEY)"',
          'while [ "$(cat /letters/a.txt)" = first ]; do sleep 0.2; done; echo "now $(cat /letters/a.txt)"',
          'while :; do sleep 3600 & wait $!; done',
        ].join('; '),
        spec: `  volumes:
    - {name: memory, emptyDir: {medium: Memory, sizeLimit: 8Mi}}
    - {name: letters, configMap: {name: letters}}
    - {name: keys, secret: {secretName: keys}}
`,
        container: `      envFrom: [{secretRef: {name: keys}}]
      volumeMounts:
        - {name: memory, mountPath: /memory}
        - {name: letters, mountPath: /letters, readOnly: true}
        - {name: keys, mountPath: /keys, readOnly: true}
`,
      }),
    );
    await untilLog('reader', 'file key is s3cret');
    expect(await logs('reader')).toMatch(/^memory is tmpfs\nkey is s3cret, file key is s3cret\n/);
    await apply(configMap('letters', { 'a.txt': 'second' }));
    await untilLog('reader', 'now second');
    expect((await statusOf('reader'))['containerStatuses'][0].restartCount).toBe(0);
    await kubectl('delete', 'pod', 'reader');
  });

  it('is reachable at its host port', async () => {
    const port = await freePort();
    const pod = web({ name: 'open', replicas: 1, version: '2' }).replace(
      'containerPort: 8080',
      `containerPort: 8080, hostPort: ${port}`,
    );
    await apply(pod);
    await kubectl('rollout', 'status', 'deployment/open', WAIT_TIMEOUT);
    const answer = await fetch(`http://127.0.0.1:${port}/index.html`);
    expect(await answer.text()).toBe('version 2\n');
    await kubectl('delete', 'deployment', 'open');
  });

  it('runs its preStop hook before it is stopped, and has no longer than its grace', async () => {
    await apply(
      tool({
        name: 'polite',
        script: "trap 'echo term >> /host/story' TERM; while :; do sleep 3600 & wait $!; done",
        spec: `  volumes: [{name: host, hostPath: {path: ${symphony.dataDir}/story, type: DirectoryOrCreate}}]\n`,
        container: `      volumeMounts: [{name: host, mountPath: /host}]
      lifecycle: {preStop: {exec: {command: ["sh", "-c", "echo hook >> /host/story"]}}}
`,
      }),
    );
    await kubectl('wait', '--for=condition=Ready', 'pod/polite', WAIT_TIMEOUT);
    // It ignores SIGTERM: only the end of its two seconds of grace ends it.
    await kubectl('delete', 'pod', 'polite');
    expect(await readFile(`${symphony.dataDir}/story/story`, 'utf8')).toBe('hook\nterm\n');
    expect((await symphony.containers()).filter(({ pod }) => pod === 'polite')).toEqual([]);
  });

  it('does not start when an init container fails, and says so', async () => {
    await apply(
      tool({
        name: 'stuck',
        script: STAY,
        spec: `  restartPolicy: Never
  initContainers: [{name: prepare, image: "symphony.example/tools:1", command: ["sh", "-c", "echo no way; exit 5"]}]
`,
      }),
    );
    const status = await eventually('the pod has failed', async () => {
      const now = await statusOf('stuck');
      return now['phase'] === 'Failed' && now;
    });
    expect(status['initContainerStatuses'][0].state.terminated).toMatchObject({
      exitCode: 5,
      reason: 'Error',
    });
    expect(status['containerStatuses'][0].state.waiting).toMatchObject({ reason: 'PodInitializing' });
    expect(await kubectl('get', 'pod', 'stuck')).toMatch(/stuck +0\/1 +Init:Error +0/);
    expect(await kubectl('logs', 'stuck', '-c', 'prepare')).toBe('no way\n');
    await kubectl('delete', 'pod', 'stuck');
  });

  it('that fits nowhere waits, says why, and is placed when a node comes to fit', async () => {
    await apply(tool({ name: 'picky', script: STAY, spec: '  nodeSelector: {disk: fast}\n' }));
    const events = await eventually('the reason is told', async () => {
      const text = await eventsOf('picky');
      return text.includes('FailedScheduling') && text;
    });
    expect(events).toMatch(
      /Warning +FailedScheduling +pod\/picky +0\/1 nodes are available: 1 node\(s\) didn't match Pod's node affinity\/selector/,
    );
    expect((await statusOf('picky'))['phase']).toBe('Pending');
    await kubectl('label', 'node', 'node-1', 'disk=fast');
    await kubectl('wait', '--for=condition=Ready', 'pod/picky', WAIT_TIMEOUT);
    await kubectl('delete', 'pod', 'picky');
  });

  it('whose image nobody has says so', async () => {
    const image = 'symphony.example/nobody:1';
    await apply(
      tool({ name: 'late', script: STAY })
        .replace('symphony.example/tools:1', image)
        .replace('IfNotPresent', 'Never'),
    );
    await untilMain(
      'late',
      'waits for its image',
      ({ state }) => state.waiting?.reason === 'ErrImageNeverPull',
    );
    await kubectl('delete', 'pod', 'late');
  });
});
