import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expandReferences } from '../../../src/node-agent/container-spec/expand.ts';
import {
  type ContainerPlanInput,
  planContainerSpec,
} from '../../../src/node-agent/container-spec/plan-container-spec.ts';
import { planSandboxSpec } from '../../../src/node-agent/container-spec/plan-sandbox-spec.ts';
import {
  OWN_SANDBOX,
  pauseContainer,
  type PlacedContainer,
  placeContainer,
  sandboxesOf,
} from '../../../src/node-agent/runtime/docker/placed-container.ts';
import { cleanSubPath } from '../../../src/node-agent/container-spec/plan-mounts.ts';
import { labelKeys } from '../../../src/node-agent/runtime/types.ts';
import type { Container, Pod } from '../../../src/schemas/types.ts';

const aPod = (container: Partial<Container> = {}, spec: Partial<Pod['spec']> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop', uid: 'u-1', labels: { app: 'web' } },
  spec: { containers: [{ name: 'app', image: 'busybox:1', ...container }], ...spec },
});

const anInput = (pod: Pod, over: Partial<ContainerPlanInput> = {}): ContainerPlanInput => ({
  pod,
  container: pod.spec.containers[0]!,
  role: 'container',
  attempt: 2,
  place: {
    nodeName: 'n1',
    nodeIp: '192.0.2.1',
    podIp: '10.244.1.9',
    allocatable: { cpu: '4', memory: '8Gi' },
  },
  nodeMemoryBytes: 8 * 1024 ** 3,
  cluster: 'c',
  network: 'pods',
  clusterDomain: 'cluster.local',
  sources: { configMaps: new Map(), secrets: new Map() },
  serviceEnv: [],
  volumePaths: new Map(),
  agentVolumes: new Set(),
  readOnlyVolumes: new Set(),
  files: { hosts: '/p/hosts', resolvConf: '/p/resolv.conf' },
  terminationLog: '/p/log',
  image: { id: 'sha256:1', tags: ['busybox:1'], digests: [], sizeBytes: 1, user: '' },
  ...over,
});

const specOf = (input: ContainerPlanInput) => {
  const plan = planContainerSpec(input);
  if (!plan.ok) throw new Error(plan.message);
  return plan.spec;
};
/** The container as a Docker Engine gets it. */
const placedOf = (input: ContainerPlanInput, id = OWN_SANDBOX): PlacedContainer =>
  placeContainer(specOf(input), { id, spec: planSandboxSpec(input) });
const messageOf = (input: ContainerPlanInput): string => {
  const plan = planContainerSpec(input);
  return plan.ok ? 'no refusal' : `${plan.reason}: ${plan.message}`;
};
const envOf = (input: ContainerPlanInput): Record<string, string> =>
  Object.fromEntries(specOf(input).env.map(({ name, value }) => [name, value]));

describe('references to variables', () => {
  it.each([
    ['$(A)', 'a'],
    ['x$(A)y$(B)', 'xayb'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$a'],
    ['$$$$', '$$'],
    ['$(MISSING)', '$(MISSING)'],
    ['$(A', '$(A'],
    ['$A ${A}', '$A ${A}'],
    ['$()', '$()'],
    ['$', '$'],
  ])('expands %s to %s', (text, expected) => {
    const values = new Map([
      ['A', 'a'],
      ['B', 'b'],
    ]);
    expect(expandReferences(text, (name) => values.get(name))).toBe(expected);
  });

  it('leaves text without a dollar sign alone, and gives any text back once it is escaped', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const escaped = text.replaceAll('$', () => '$$');
        expect(expandReferences(escaped, () => 'never')).toBe(text);
      }),
    );
  });
});

describe('sub-paths', () => {
  it('never leave the volume', () => {
    const part = fc.oneof(fc.constantFrom('..', '.', '', 'a', '...'), fc.string());
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const clean = cleanSubPath(parts.join('/'));
        if (clean === undefined) return;
        expect(clean.startsWith('/')).toBe(false);
        expect(clean.split('/')).not.toContain('..');
      }),
    );
  });
});

const FIELD = { fieldRef: { fieldPath: "metadata.annotations['large']" } };
const named = (prefix: string, value = '') =>
  Array.from({ length: 40 }, (_, index) => ({ name: `${prefix}${index}`, value }));
const aMount = (subPathExpr: string) => ({ name: 'v', mountPath: '/m', subPathExpr });

describe('environment', () => {
  const sources = {
    configMaps: new Map([
      [
        'cfg',
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'cfg' }, data: { K: 'v', 'b=d': 'x' } },
      ],
    ]),
    secrets: new Map([
      [
        'sec',
        {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: 'sec' },
          data: { P: Buffer.from('pw').toString('base64') },
        },
      ],
    ]),
  };

  it('lets env win over envFrom and services, and later entries see earlier ones', () => {
    const pod = aPod({
      envFrom: [{ prefix: 'C_', configMapRef: { name: 'cfg' } }, { secretRef: { name: 'sec' } }],
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: '$(A)-$(C_K)-$(S)-$(LATER)' },
        { name: 'LATER', value: 'x' },
        { name: 'P', value: 'own' },
        { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'L', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
        { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
        { name: 'OPT', valueFrom: { configMapKeyRef: { name: 'no', key: 'k', optional: true } } },
      ],
    });
    const input = anInput(pod, { sources, serviceEnv: [{ name: 'S', value: 'svc' }] });
    expect(envOf(input)).toEqual({
      HOSTNAME: 'web',
      S: 'svc',
      C_K: 'v',
      P: 'own',
      A: '1',
      B: '1-v-svc-$(LATER)',
      LATER: 'x',
      IP: '10.244.1.9',
      L: 'web',
      CPU: '4',
    });
    const plan = planContainerSpec(input);
    expect(plan.ok && plan.skippedEnv).toEqual(['C_b=d']);
  });

  it.each([
    [{ configMapKeyRef: { name: 'no', key: 'k' } }, 'configmap "no" not found'],
    [{ configMapKeyRef: { name: 'cfg', key: 'k' } }, "couldn't find key k in ConfigMap shop/cfg"],
    [{ secretKeyRef: { name: 'no', key: 'k' } }, 'secret "no" not found'],
    [{ secretKeyRef: { name: 'sec', key: 'k' } }, "couldn't find key k in Secret shop/sec"],
  ])('refuses a missing source in the words of the kubelet: %j', (valueFrom, message) => {
    const pod = aPod({ env: [{ name: 'X', valueFrom }] });
    expect(messageOf(anInput(pod, { sources }))).toBe(`CreateContainerConfigError: ${message}`);
  });

  /** Each repeats the one before; the last stands for ten terabytes. */
  const growing = Array.from({ length: 12 }, (_, index) => ({
    name: `V${index}`,
    value: index === 0 ? 'x'.repeat(10) : `$(V${index - 1})`.repeat(10),
  }));
  const MEGABYTES = growing.slice(0, 6);

  it.each([
    ['variables that repeat each other', { env: growing }],
    ['many large variables', { env: [...MEGABYTES, ...named('W', '$(V5)')] }],
    ['arguments that repeat a variable', { env: MEGABYTES, args: ['$(V5)'.repeat(10)] }],
    ['many large arguments', { env: MEGABYTES, command: named('', '$(V5)').map(({ value }) => value) }],
    ['a sub-path', { env: MEGABYTES, volumeMounts: [aMount('$(V5)'.repeat(10))] }],
    ['fields of the pod', { env: named('F').map((entry) => ({ ...entry, valueFrom: FIELD })) }],
  ])('has an end that no program could be given: %s', (_what, container) => {
    const pod = aPod(container);
    const annotations = { large: 'x'.repeat(200_000) };
    const large: Pod = { ...pod, metadata: { ...pod.metadata, annotations } };
    expect(messageOf(anInput(large, { volumePaths: new Map([['v', '/v']]) }))).toBe(
      'CreateContainerConfigError: arguments or variables have more than 6291456 characters',
    );
  });

  it.each([
    ['limits.memory', '1Mi', '64'],
    ['limits.memory', '1G', '1'],
    ['requests.cpu', '1m', '250'],
    ['requests.cpu', undefined, '1'],
  ])('gives %s in units of %s as %s, rounded up', (resource, divisor, expected) => {
    const pod = aPod({
      resources: { limits: { memory: '64Mi' }, requests: { cpu: '250m' } },
      env: [{ name: 'X', valueFrom: { resourceFieldRef: { resource, ...(divisor ? { divisor } : {}) } } }],
    });
    expect(envOf(anInput(pod))['X']).toBe(expected);
  });
});

describe('security', () => {
  it.each([
    [
      { runAsNonRoot: true },
      '',
      'container has runAsNonRoot and image will run as root (pod: "web_shop(u-1)", container: app)',
    ],
    [
      { runAsNonRoot: true, runAsUser: 0 },
      '5',
      `container's runAsUser breaks non-root policy (pod: "web_shop(u-1)", container: app)`,
    ],
    [
      { runAsNonRoot: true },
      'www',
      'container has runAsNonRoot and image has non-numeric user (www), cannot verify user is non-root (pod: "web_shop(u-1)", container: app)',
    ],
  ])('refuses root where it is forbidden: %j on user "%s"', (securityContext, user, message) => {
    const input = anInput(aPod({ securityContext }));
    expect(messageOf({ ...input, image: { ...input.image, user } })).toBe(
      `CreateContainerConfigError: ${message}`,
    );
  });

  it('merges the contexts of pod and container, the container winning', () => {
    const pod = aPod(
      { securityContext: { runAsUser: 7, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } },
      {
        securityContext: {
          runAsUser: 1,
          runAsGroup: 2,
          fsGroup: 3,
          supplementalGroups: [4],
          runAsNonRoot: true,
        },
      },
    );
    expect(specOf(anInput(pod))).toMatchObject({
      user: '7:2',
      supplementalGroups: [4, 3],
      noNewPrivileges: true,
      privileged: false,
      capabilities: { add: [], drop: ['ALL'] },
    });
  });
});

describe('mounts', () => {
  const volumePaths = new Map([['data', '/v/data']]);
  const mountOf = (mount: object): ContainerPlanInput =>
    anInput(
      aPod({ env: [{ name: 'D', value: 'x' }], volumeMounts: [{ name: 'data', mountPath: '/m', ...mount }] }),
      {
        volumePaths,
      },
    );

  it.each([[{}, '/v/data']])('binds %j from %s', (mount, source) => {
    expect(specOf(mountOf(mount)).mounts[0]).toEqual({ source, target: '/m', readOnly: false });
  });

  it.each([
    [{ subPath: 'a/./b' }, 'a/b'],
    [{ subPathExpr: 'p/$(D)' }, 'p/x'],
  ])('leaves %j to be found on the disk', (mount, relative) => {
    const plan = planContainerSpec(mountOf(mount));
    expect(plan).toMatchObject({
      ok: true,
      subPaths: [{ mountIndex: 0, volume: 'data', volumePath: '/v/data', relative, isAgentsOwn: false }],
    });
  });

  it('gives pods what the agent writes for reading only', () => {
    const input = { ...mountOf({ subPath: 'key' }), agentVolumes: new Set(['data']) };
    expect(specOf(input).mounts[0]).toMatchObject({ target: '/m', readOnly: true });
    expect(planContainerSpec(input)).toMatchObject({ subPaths: [{ isAgentsOwn: true }] });
  });

  it.each([
    [{ subPath: '../x' }, "must not contain '..'"],
    [{ subPath: '/etc' }, 'must be a relative path'],
    [{ subPathExpr: '$(NO)/$(D)' }, 'missing value for NO'],
    [{ subPathExpr: '$(D)/..' }, "must not contain '..'"],
  ])('refuses %j', (mount, message) => {
    expect(messageOf(mountOf(mount))).toContain(message);
  });

  it("leaves the agent's hosts file out where the user mounts one", () => {
    const targets = specOf(mountOf({ mountPath: '/etc/hosts' })).mounts.map(({ target }) => target);
    expect(targets.filter((target) => target === '/etc/hosts')).toHaveLength(1);
  });
});

describe('the whole container', () => {
  it('is its own sandbox when the pod has only this one', () => {
    const pod = aPod({
      command: ['sh', '-c', 'echo $(X)'],
      env: [{ name: 'X', value: 'y' }],
      ports: [{ containerPort: 80, hostPort: 8080 }],
      resources: { limits: { cpu: '500m', memory: '64Mi' }, requests: { cpu: '250m', memory: '64Mi' } },
    });
    const spec = placedOf(anInput(pod));
    expect(sandboxesOf([], planSandboxSpec(anInput(pod)))).toMatchObject([{ phase: 'vacant' }]);
    expect(spec).toMatchObject({
      name: 'k8s_app_web_shop_u-1_2',
      image: 'busybox:1',
      command: ['sh', '-c', 'echo y'],
      hostname: 'web',
      network: { type: 'pod', network: 'pods', ip: '10.244.1.9' },
      ports: [{ containerPort: 80, hostPort: 8080, protocol: 'TCP' }],
      cpuShares: 256,
      cpuQuotaMicros: 50_000,
      memoryBytes: 64 * 1024 ** 2,
      oomScoreAdj: 993,
    });
    const manifest = JSON.parse(spec.labels[labelKeys.podManifest] ?? '{}') as Pod;
    expect(manifest.spec).toEqual(pod.spec);
    expect(placedOf(anInput(pod)).labels).toEqual(spec.labels);
  });

  it('joins the sandbox otherwise, which then has the name, the ports and the address', () => {
    const pod = aPod(
      { ports: [{ containerPort: 80, hostPort: 8080 }] },
      { initContainers: [{ name: 'init' }] },
    );
    const input = anInput(pod);
    const member = placedOf(input, 'box');
    expect(sandboxesOf([], planSandboxSpec(input))).toEqual([]);
    expect(member).toMatchObject({
      network: { type: 'container', containerId: 'box' },
      ipc: { type: 'container', containerId: 'box' },
      ports: [],
    });
    expect(member.hostname).toBeUndefined();
    // Said, though it is empty: an image may have a label of this name.
    expect(member.labels[labelKeys.podManifest]).toBe('');
    expect(pauseContainer(planSandboxSpec(input), 'pause')).toMatchObject({
      name: 'k8s_POD_web_shop_u-1_2',
      hostname: 'web',
      ipc: { type: 'shareable' },
      network: { type: 'pod', ip: '10.244.1.9' },
      ports: [{ hostPort: 8080 }],
    });
  });

  it("takes the host's network without a host name or published ports", () => {
    const spec = placedOf(
      anInput(aPod({ ports: [{ containerPort: 80, hostPort: 80 }] }, { hostNetwork: true })),
    );
    expect(spec).toMatchObject({ network: { type: 'host' }, ports: [] });
    expect(spec.hostname).toBeUndefined();
  });

  it.each([
    [{}, 'own', { ipc: { type: 'private' }, pid: { type: 'private' } }],
    [{ hostIPC: true, hostPID: true }, 'own', { ipc: { type: 'host' }, pid: { type: 'host' } }],
    [{ shareProcessNamespace: true }, 'box', { pid: { type: 'container', containerId: 'box' } }],
    [{ initContainers: [{ name: 'init' }] }, 'box', { pid: { type: 'private' } }],
    [
      { initContainers: [{ name: 'init' }], hostPID: true, hostIPC: true },
      'box',
      { pid: { type: 'host' }, ipc: { type: 'host' } },
    ],
  ])('has the IPC and PID namespaces that the pod asks for: %j', (spec, id, expected) => {
    expect(placedOf(anInput(aPod({}, spec)), id)).toMatchObject(expected);
  });

  it('runs the image by its id when its name has moved on', () => {
    const input = anInput(aPod());
    expect(specOf({ ...input, image: { ...input.image, tags: [] } }).image).toBe('sha256:1');
  });
});
