/** The unmodified kubectl against a whole Symphony on the real Docker Engine. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, type KubeJson, WAIT_TIMEOUT } from '../support/kubectl.ts';
import { startSymphony, type Symphony } from '../support/symphony.ts';
import { configMap, STAY, tool, web } from './manifests.ts';

describe('kubectl', () => {
  let symphony: Symphony;
  let kubectl: Symphony['kubectl'];

  beforeAll(async () => {
    symphony = await startSymphony({ nodes: 2, files: { 'web.yaml': web({ replicas: 2 }) } });
    kubectl = symphony.kubectl;
    await kubectl('wait', '--for=condition=Ready', 'nodes', '--all', WAIT_TIMEOUT);
    await eventually('the Deployment of the commit is there', async () => {
      return (await kubectl.try('get', 'deployment', 'web')).code === 0;
    });
    await kubectl('rollout', 'status', 'deployment/web', WAIT_TIMEOUT);
    // Ports and directories of the host are more than the level that namespaces have by default.
    await kubectl('label', 'namespace', 'default', 'pod-security.kubernetes.io/enforce=privileged');
  });
  afterAll(() => symphony?.[Symbol.asyncDispose]());
  beforeEach(() => symphony.explainFailure());

  const pods = async (selector: string): Promise<readonly KubeJson[]> => {
    const { items } = await kubectl.json('get', 'pods', '-l', selector);
    return (items as readonly KubeJson[]).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  };
  const podName = async (selector: string): Promise<string> => (await pods(selector))[0]?.['metadata'].name;
  const until = (pod: string, condition: string): Promise<string> =>
    kubectl('wait', `--for=${condition}`, `pod/${pod}`, WAIT_TIMEOUT);

  it('lists pods, nodes and deployments with the columns that people know', async () => {
    const wide = await kubectl('get', 'pods', '-o', 'wide');
    expect(wide).toMatch(/^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES\n/);
    expect(
      wide.match(/^web-\S+ +1\/1 +Running +0 +\S+ +10\.\d+\.\d+\.\d+ +node-[12] +<none> +<none>$/gm),
    ).toHaveLength(2);
    expect(await kubectl('get', 'deployments')).toMatch(
      /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +2\/2 +2 +2 +\S+\n$/,
    );
    expect(await kubectl('get', 'nodes')).toMatch(/node-1 +Ready +\S+ +\S+ +v\S+\nnode-2 +Ready/);
    expect(await kubectl('get', 'rs,deploy')).toMatch(
      /replicaset\.apps\/web-\S+ +2 +2 +2[^]*deployment\.apps\/web +2\/2/,
    );
  });

  it('lists the pods that docker ps lists', async () => {
    const rows = (await kubectl('get', 'pods', '-A', '-o', 'wide', '--no-headers')).trim().split('\n');
    const listed = rows
      .map((row) => row.split(/ +/))
      .map((row) => `${row[0]}/${row[1]} on ${row[row.length - 3]}`);
    const running = (await symphony.containers()).filter((container) => container.running);
    expect(running.map(({ namespace, pod, node }) => `${namespace}/${pod} on ${node}`).sort()).toEqual(
      listed.sort(),
    );
    const addresses = (await pods('app=web')).map(({ status }) => status.podIP as string);
    expect(new Set(addresses).size).toBe(2);
  });

  it('prints an object as JSON, with what the agent has reported', async () => {
    const pod = (await pods('app=web'))[0] as KubeJson;
    expect(pod).toMatchObject({
      apiVersion: 'v1',
      kind: 'Pod',
      spec: {
        containers: [{ image: 'symphony.example/web:1', terminationMessagePath: '/dev/termination-log' }],
      },
      status: {
        phase: 'Running',
        qosClass: 'BestEffort',
        containerStatuses: [{ ready: true, restartCount: 0 }],
      },
    });
    const [container] = (await symphony.containers()).filter(({ podUid }) => podUid === pod['metadata'].uid);
    expect(pod['status'].containerStatuses[0].containerID).toBe(`docker://${container?.id ?? ''}`);
  });

  it('describes a pod, a deployment and a node', async () => {
    const name = await podName('app=web');
    const pod = await eventually('the events tell the whole start', async () => {
      const text = await kubectl('describe', 'pod', name);
      const reasons = ['Scheduled', 'Pulled', 'Created', 'Started'];
      return reasons.every((reason) => new RegExp(`Normal +${reason} `).test(text)) && text;
    });
    expect(pod).toMatch(/^Name: +web-/);
    expect(pod).toMatch(/Readiness: +http-get http:\/\/:http\/index.html delay=0s timeout=1s period=1s/);
    const deployment = await kubectl('describe', 'deployment', 'web');
    expect(deployment).toMatch(
      /Replicas: +2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable/,
    );
    expect(deployment).toMatch(/Available +True +MinimumReplicasAvailable/);
    expect(deployment).toMatch(/ScalingReplicaSet.*Scaled up replica set web-\S+ from 0 to 2/);
    const node = await kubectl('describe', 'node', 'node-1');
    expect(node).toMatch(/Ready +True +\S+, .*KubeletReady/);
    expect(node).toMatch(/Non-terminated Pods: +\(\d+ in total\)/);
    expect(node).toMatch(/Container Runtime Version: +docker:\/\//);
  });

  it('prints the log of a pod, and follows it until the pod ends', async () => {
    const name = await podName('app=web');
    expect(await kubectl('logs', name)).toBe(`web version 1 serves ${name}\n`);
    expect(await kubectl('logs', 'deployment/web', '--tail=1')).toMatch(/^web version 1 serves web-/);
    await kubectl.withInput(
      tool({
        name: 'talker',
        script: 'for i in 1 2 3 4; do echo line $i; sleep 1; done',
        spec: '  restartPolicy: Never\n',
      }),
      ...['apply', '-f', '-'],
    );
    await eventually('the pod speaks', async () =>
      (await kubectl.try('logs', 'talker')).stdout.includes('line 1'),
    );
    await using following = kubectl.start('logs', '-f', 'talker');
    const { code, stdout } = await following.ended;
    expect([code, stdout]).toEqual([0, 'line 1\nline 2\nline 3\nline 4\n']);
    await until('talker', 'jsonpath={.status.phase}=Succeeded');
    expect(await kubectl('get', 'pod', 'talker')).toMatch(/talker +0\/1 +Completed +0/);
  });

  it('prints the log of the attempt before', async () => {
    await kubectl.withInput(
      tool({
        name: 'twice',
        script: `if [ -e /data/x ]; then echo second; ${STAY}; else touch /data/x; echo first; exit 4; fi`,
        container: '      volumeMounts: [{name: data, mountPath: /data}]\n',
        spec: '  volumes: [{name: data, emptyDir: {}}]\n',
      }),
      ...['apply', '-f', '-'],
    );
    await eventually('it runs again', async () => (await kubectl.try('logs', 'twice')).stdout === 'second\n');
    expect(await kubectl('logs', 'twice', '--previous')).toBe('first\n');
    const container = await eventually('the restart is counted', async () => {
      const { status } = await kubectl.json('get', 'pod', 'twice');
      return status.containerStatuses[0].restartCount === 1 && (status.containerStatuses[0] as KubeJson);
    });
    expect(container['lastState'].terminated).toMatchObject({ exitCode: 4, reason: 'Error' });
    await kubectl('delete', 'pod', 'twice', 'talker');
  });

  it('shows with -w what happens', async () => {
    await using watching = kubectl.start('get', 'pods', '-w', '-l', 'app=watched');
    await kubectl.withInput(tool({ name: 'watched', script: STAY }), 'apply', '-f', '-');
    await until('watched', 'condition=Ready');
    await kubectl('delete', 'pod', 'watched');
    const lines = await eventually('the watch has shown the end', async () => {
      const text = watching.stdout();
      return /Terminating|Completed/.test(text) && text.split('\n');
    });
    const states = lines.map((line) => line.split(/ +/)[2]);
    expect(states).toContain('STATUS');
    expect(states.indexOf('Pending')).toBeLessThan(states.indexOf('Running'));
  });

  it('creates, labels, annotates, patches, applies and deletes an object made by hand', async () => {
    const made = configMap('hand', { a: '1' });
    expect(await kubectl.withInput(made, 'create', '-f', '-')).toBe('configmap/hand created\n');
    expect(await kubectl('label', 'configmap', 'hand', 'tier=test')).toBe('configmap/hand labeled\n');
    expect(await kubectl('annotate', 'configmap', 'hand', 'note=x')).toBe('configmap/hand annotated\n');
    expect(await kubectl('patch', 'configmap', 'hand', '-p', '{"data":{"b":"2"}}')).toBe(
      'configmap/hand patched\n',
    );
    await kubectl('patch', 'cm', 'hand', '--type=json', '-p', '[{"op":"remove","path":"/data/a"}]');
    expect(await kubectl.json('get', 'cm', '-l', 'tier=test')).toMatchObject({
      items: [{ metadata: { name: 'hand', annotations: { note: 'x' } }, data: { b: '2' } }],
    });
    const again = await kubectl
      .withInput(made, 'create', '-f', '-')
      .catch((error: unknown) => (error as Error).message);
    expect(again).toContain('(AlreadyExists): error when creating "STDIN": configmaps "hand" already exists');
    const text = (value: string): string => configMap('applied', { value });
    expect(await kubectl.withInput(text('1'), 'apply', '-f', '-')).toBe('configmap/applied created\n');
    expect(await kubectl.withInput(text('1'), 'apply', '-f', '-')).toBe('configmap/applied unchanged\n');
    expect(await kubectl.withInput(text('2'), 'apply', '-f', '-')).toBe('configmap/applied configured\n');
    expect(await kubectl('get', 'cm', 'applied', '-o', 'jsonpath={.data.value}')).toBe('2');
    expect(await kubectl('delete', 'cm', 'hand', 'applied')).toBe(
      'configmap "hand" deleted\nconfigmap "applied" deleted\n',
    );
  });

  it('refuses what is wrong, in the words of Kubernetes', async () => {
    const typo = await kubectl
      .withInput(web({ name: 'typo' }).replace('replicas:', 'replicaz:'), 'create', '-f', '-')
      .catch((error: unknown) => (error as Error).message);
    expect(typo).toContain('unknown field "spec.replicaz"');
    const wrong = await kubectl.try('run', 'Bad_Name', '--image=symphony.example/tools:1');
    expect(wrong.stderr).toMatch(/Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must consist of/);
    const missing = await kubectl.try('get', 'pod', 'nobody');
    expect([missing.code, missing.stderr]).toEqual([
      1,
      'Error from server (NotFound): pods "nobody" not found\n',
    ]);
  });

  it('replaces a pod that is deleted, and gives it its grace', async () => {
    const victim = (await pods('app=web'))[0] as KubeJson;
    await kubectl('delete', 'pod', victim['metadata'].name);
    const left = (await symphony.containers()).filter(({ podUid }) => podUid === victim['metadata'].uid);
    expect(left).toEqual([]);
    await eventually('another pod stands in', async () => {
      const now = await pods('app=web');
      return now.length === 2 && now.every(({ status }) => status.containerStatuses?.[0].ready === true);
    });
    await kubectl.withInput(
      tool({
        name: 'slow',
        script:
          "trap 'echo asked; sleep 2; echo done > /host/done; exit 0' TERM; while :; do sleep 3600 & wait $!; done",
        spec: `  volumes: [{name: host, hostPath: {path: ${symphony.dataDir}/grace, type: DirectoryOrCreate}}]\n`,
        container: '      volumeMounts: [{name: host, mountPath: /host}]\n',
      }),
      ...['apply', '-f', '-'],
    );
    await until('slow', 'condition=Ready');
    await kubectl('delete', 'pod', 'slow', '--grace-period=20');
    expect(await readFile(`${symphony.dataDir}/grace/done`, 'utf8')).toBe('done\n');
  });

  it('lists events, newest state of things included', async () => {
    const events = await eventually('the last of them is written', async () => {
      const text = await kubectl('get', 'events');
      return /Normal +Killing +pod\/web-/.test(text) && text;
    });
    expect(events).toMatch(/^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n/);
    expect(events).toMatch(/Normal +Started +pod\/web-\S+ +(Started container httpd|Container started)/);
    expect(events).toMatch(/Normal +Killing +pod\/web-\S+ +Stopping container httpd/);
    expect(events).toMatch(
      /Normal +Scheduled +pod\/web-\S+ +Successfully assigned default\/web-\S+ to node-[12]/,
    );
  });
});

describe('kubectl rollout and scale', () => {
  let symphony: Symphony;
  let kubectl: Symphony['kubectl'];

  beforeAll(async () => {
    symphony = await startSymphony({ nodes: 2 });
    kubectl = symphony.kubectl;
    // By hand, so that no sync puts it right.
    await kubectl.withInput(web({ name: 'hand', replicas: 2 }), 'apply', '-f', '-');
    await kubectl('rollout', 'status', 'deployment/hand', WAIT_TIMEOUT);
  });
  afterAll(() => symphony?.[Symbol.asyncDispose]());
  beforeEach(() => symphony.explainFailure());

  const images = async (): Promise<readonly string[]> => {
    const running = (await symphony.containers()).filter((container) => container.running);
    return running.map(({ image }) => image);
  };
  const rolledOut = (): Promise<string> => kubectl('rollout', 'status', 'deployment/hand', WAIT_TIMEOUT);

  it('scales up and down', async () => {
    expect(await kubectl('scale', 'deployment/hand', '--replicas=4')).toBe('deployment.apps/hand scaled\n');
    await rolledOut();
    expect(await images()).toHaveLength(4);
    await kubectl('scale', 'deployment/hand', '--replicas=2');
    await eventually('two containers are left', async () => (await images()).length === 2);
  });

  it('rolls out a new version, tells the history, and undoes it', async () => {
    await kubectl('set', 'image', 'deployment/hand', 'httpd=symphony.example/web:2');
    await using watching = kubectl.start('rollout', 'status', 'deployment/hand', WAIT_TIMEOUT);
    const { code, stdout } = await watching.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/deployment "hand" successfully rolled out\n$/);
    await eventually(
      'only version 2 runs',
      async () => (await images()).join() === 'symphony.example/web:2,symphony.example/web:2',
    );
    expect(await kubectl('rollout', 'history', 'deployment/hand')).toMatch(
      /REVISION +CHANGE-CAUSE\n1 .*\n2 /,
    );
    expect(await kubectl('rollout', 'history', 'deployment/hand', '--revision=2')).toContain(
      'symphony.example/web:2',
    );
    expect(await kubectl('rollout', 'undo', 'deployment/hand')).toBe('deployment.apps/hand rolled back\n');
    await rolledOut();
    await eventually(
      'only version 1 runs',
      async () => (await images()).join() === 'symphony.example/web:1,symphony.example/web:1',
    );
    expect(await kubectl('rollout', 'history', 'deployment/hand')).toMatch(/CHANGE-CAUSE\n2 .*\n3 /);
  });

  it('restarts every pod of a deployment', async () => {
    const before = new Set((await symphony.containers()).map(({ podUid }) => podUid));
    expect(await kubectl('rollout', 'restart', 'deployment/hand')).toBe('deployment.apps/hand restarted\n');
    await rolledOut();
    await eventually('no pod is the same', async () => {
      const now = (await symphony.containers()).filter(({ running }) => running);
      return now.length === 2 && now.every(({ podUid }) => !before.has(podUid));
    });
  });

  it('pauses a rollout and goes on with it', async () => {
    expect(await kubectl('rollout', 'pause', 'deployment/hand')).toBe('deployment.apps/hand paused\n');
    await kubectl('set', 'image', 'deployment/hand', 'httpd=symphony.example/web:2');
    const generation = (await kubectl.json('get', 'deployment', 'hand'))['metadata'].generation as number;
    await eventually('the controller has seen the change', async () => {
      const { status } = await kubectl.json('get', 'deployment', 'hand');
      return status.observedGeneration === generation;
    });
    expect(await images()).toEqual(['symphony.example/web:1', 'symphony.example/web:1']);
    expect(await kubectl('rollout', 'resume', 'deployment/hand')).toBe('deployment.apps/hand resumed\n');
    await rolledOut();
    await eventually(
      'only version 2 runs',
      async () => (await images()).join() === 'symphony.example/web:2,symphony.example/web:2',
    );
    await kubectl('delete', 'deployment', 'hand');
    await eventually('nothing is left', async () => (await symphony.containers()).length === 0);
  });
});
