import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import { anObject, complaints, type Fields } from './complaints.ts';
import { stored } from './verdict.ts';

const pod = (spec: Fields) =>
  anObject('v1', 'Pod', { spec: { containers: [{ name: 'c', image: 'i:1' }], ...spec } });
const container = (fields: Fields) => pod({ containers: [{ name: 'c', image: 'i:1', ...fields }] });
const at = (field: string): string => `spec.containers[0].${field}`;
const resources = (limits: Fields, requests?: Fields) =>
  container({ resources: { limits, ...(requests ? { requests } : {}) } });
const seccomp = (profile: Fields) => container({ securityContext: { seccompProfile: profile } });
const appArmor = (profile: Fields) => pod({ securityContext: { appArmorProfile: profile } });
const SECCOMP = at('securityContext.seccompProfile');
const APPARMOR = 'spec.securityContext.appArmorProfile';
const env = (valueFrom: Fields) => ({ env: [{ name: 'A', valueFrom }] });
const LIMITS = at('resources.limits');

describe('containers of a pod', () => {
  it.each<[string, ReturnType<typeof pod>, readonly string[]]>([
    [
      'a name twice',
      pod({
        containers: [
          { name: 'c', image: 'i' },
          { name: 'c', image: 'i' },
        ],
      }),
      ['Duplicate spec.containers[1].name'],
    ],
    ['an image with a blank', container({ image: ' i' }), [`Invalid ${at('image')}`]],
    [
      'a port of the host twice',
      container({
        ports: [
          { containerPort: 1, hostPort: 9 },
          { containerPort: 2, hostPort: 9 },
        ],
      }),
      [`Duplicate ${at('ports[1].hostPort')}`],
    ],
    [
      'a port of the host for two protocols',
      container({
        ports: [
          { containerPort: 1, hostPort: 9 },
          { containerPort: 1, hostPort: 9, protocol: 'UDP' },
        ],
      }),
      [],
    ],
    [
      'init containers with the port of another',
      pod({
        initContainers: ['a', 'b'].map((name) => ({
          name,
          image: 'i',
          ports: [{ containerPort: 1, hostPort: 9 }],
        })),
      }),
      [],
    ],
    [
      'another port with the host network',
      pod({
        hostNetwork: true,
        containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 1, hostPort: 2 }] }],
      }),
      [`Invalid ${at('ports[0].hostPort')}`],
    ],
    [
      'a resize policy twice',
      container({
        resizePolicy: [
          { resourceName: 'cpu', restartPolicy: 'NotRequired' },
          { resourceName: 'cpu', restartPolicy: 'NotRequired' },
        ],
      }),
      [`Duplicate ${at('resizePolicy[1]')}`],
    ],
    [
      'a resize policy of storage',
      container({ resizePolicy: [{ resourceName: 'storage', restartPolicy: 'X' }] }),
      [`NotSupported ${at('resizePolicy')}`],
    ],
    [
      'a restart where the pod never restarts',
      pod({
        restartPolicy: 'Never',
        containers: [
          {
            name: 'c',
            image: 'i',
            resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }],
          },
        ],
      }),
      [`Invalid ${at('resizePolicy')}`],
    ],
    [
      'rules without a policy',
      container({ restartPolicyRules: [{ action: 'Restart' }] }),
      [`Required ${at('restartPolicy')}`, `Required ${at('restartPolicyRules[0].exitCodes')}`],
    ],
    [
      '21 rules',
      container({
        restartPolicy: 'Never',
        restartPolicyRules: Array.from({ length: 21 }, () => ({
          action: 'Restart',
          exitCodes: { operator: 'In', values: [1] },
        })),
      }),
      [`TooLong ${at('restartPolicyRules')}`],
    ],
    [
      'an env source without a name',
      container({ env: [{ name: 'A', valueFrom: { secretKeyRef: { key: 'k' } } }] }),
      [`Invalid ${at('env[0].valueFrom.secretKeyRef.name')}`],
    ],
    [
      'a subscript where there is none',
      container({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: "spec.nodeName['a']" } } }] }),
      [`Invalid ${at('env[0].valueFrom.fieldRef.fieldPath')}`],
    ],
    [
      'a file of a volume that is none',
      container({
        env: [{ name: 'A', valueFrom: { fileKeyRef: { volumeName: 'v', path: '../p', key: 'k' } } }],
      }),
      [
        `Invalid ${at('env[0].valueFrom.fileKeyRef.path')}`,
        `NotFound ${at('env[0].valueFrom.fileKeyRef.volumeName')}`,
      ],
    ],
    [
      'two sources of envFrom',
      container({ envFrom: [{ configMapRef: { name: 'a' }, secretRef: { name: 'B' } }] }),
      [`Invalid ${at('envFrom[0].secretRef.name')}`, `Invalid ${at('envFrom')}`],
    ],
    [
      'an unknown resource',
      resources({ 'x y': 1, gpu: 1 }),
      ['limits', 'requests'].flatMap((side) =>
        ['x y', 'gpu'].map((name) => `Invalid ${at(`resources.${side}[${name}]`)}`),
      ),
    ],
    [
      'part of a device',
      resources({ 'example.com/gpu': '0.5' }),
      [`Invalid ${LIMITS}[example.com/gpu]`, `Invalid ${at('resources.requests[example.com/gpu]')}`],
    ],
    ['huge pages alone', resources({ 'hugepages-2Mi': '4Mi' }), [`Forbidden ${at('resources')}`]],
    [
      'part of a huge page',
      resources({ 'hugepages-2Mi': '3Mi', cpu: 1 }),
      [`Invalid ${LIMITS}[hugepages-2Mi]`, `Invalid ${at('resources.requests[hugepages-2Mi]')}`],
    ],
    ['a resource called as a member of every object', resources({ 'example.com/constructor': 1 }, {}), []],
    [
      'a claim that nobody makes',
      container({ resources: { claims: [{ name: 'a' }, { name: 'a' }, {}] } }),
      [
        `NotFound ${at('resources.claims[0]')}`,
        `Duplicate ${at('resources.claims[1]')}`,
        `NotFound ${at('resources.claims[1]')}`,
        `Required ${at('resources.claims[2]')}`,
      ],
    ],
    [
      'more for a container than for the pod',
      pod({
        resources: { limits: { cpu: '1' } },
        containers: [{ name: 'c', image: 'i', resources: { limits: { cpu: '2' } } }],
      }),
      ['Invalid spec.resources.requests', 'Invalid spec.resources.containers[0][cpu].limits'],
    ],
    [
      'a device for a pod as a whole',
      pod({ resources: { limits: { 'example.com/g': 1 } } }),
      ['NotSupported spec.resources.limits[example.com/g]'],
    ],
    [
      'a seccomp profile without a type',
      seccomp({ localhostProfile: 'a' }),
      [`Required ${SECCOMP}.type`, `Invalid ${SECCOMP}.localhostProfile`],
    ],
    [
      'a seccomp profile that leads out',
      seccomp({ type: 'Localhost', localhostProfile: 'a/../b' }),
      [`Invalid ${SECCOMP}.localhostProfile`],
    ],
    [
      'a seccomp profile that is not said',
      seccomp({ type: 'Localhost' }),
      [`Required ${SECCOMP}.localhostProfile`],
    ],
    [
      'an AppArmor profile with blanks',
      appArmor({ type: 'Localhost', localhostProfile: 'a ' }),
      [`Invalid ${APPARMOR}.localhostProfile`],
    ],
    [
      'an AppArmor profile beside another type',
      appArmor({ type: 'RuntimeDefault', localhostProfile: 'a' }),
      [`Invalid ${APPARMOR}.localhostProfile`],
    ],
    [
      'an AppArmor type that is none',
      appArmor({ type: 'x', localhostProfile: 'a' }),
      [`NotSupported ${APPARMOR}.type`],
    ],
    [
      'all of /proc with the users of the host',
      container({ securityContext: { procMount: 'Unmasked' } }),
      [`Invalid ${at('securityContext.procMount')}`],
    ],
    [
      'users of its own in a namespace of the host',
      pod({ hostUsers: false, hostIPC: true }),
      ['Forbidden spec.HostIPC'],
    ],
    [
      'Linux options of a Windows pod',
      pod({ os: { name: 'windows' }, securityContext: { fsGroup: 1 }, hostPID: false }),
      ['Forbidden spec.securityContext.fsGroup'],
    ],
    ['an operating system that is none', pod({ os: { name: 'mac' } }), ['NotSupported spec.os']],
    [
      'a Windows user with a colon',
      pod({ securityContext: { windowsOptions: { runAsUserName: 'a:b' } } }),
      ['Invalid spec.securityContext.windowsOptions.runAsUserName'],
    ],
    [
      'one host process among others',
      pod({
        hostNetwork: true,
        containers: [
          { name: 'a', image: 'i', securityContext: { windowsOptions: { hostProcess: true } } },
          { name: 'b', image: 'i' },
        ],
      }),
      ['Invalid spec'],
    ],
  ])('%s', (_, object, expected) => {
    expect(complaints(object).sort()).toEqual([...expected].sort());
  });
});

describe('where a pod may run', () => {
  const labelled = (object: ReturnType<typeof pod>) => ({
    ...object,
    metadata: { ...object.metadata, labels: { a: 'x' } },
  });
  const term = (fields: Fields) =>
    pod({ affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [fields] } } });
  const nodeTerm = (fields: Fields) => ({ nodeSelectorTerms: [fields] });
  const TERM = 'spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]';
  const spread = (...list: readonly Fields[]) =>
    pod({
      topologySpreadConstraints: list.map((one) => ({
        maxSkew: 1,
        topologyKey: 'z',
        whenUnsatisfiable: 'DoNotSchedule',
        ...one,
      })),
    });
  const SPREAD = 'spec.topologySpreadConstraints[0]';
  const bad = { matchExpressions: [{ key: 'a', operator: 'In', values: ['b c'] }] };

  it.each<[string, ReturnType<typeof pod>, readonly string[]]>([
    [
      'keys without a selector',
      term({ topologyKey: 'z', mismatchLabelKeys: ['a'] }),
      [`Forbidden ${TERM}.mismatchLabelKeys`],
    ],
    [
      'a key that must and must not match',
      term({ topologyKey: 'z', labelSelector: {}, matchLabelKeys: ['b', 'a'], mismatchLabelKeys: ['a'] }),
      [`Invalid ${TERM}.matchLabelKeys[1]`],
    ],
    [
      'a constraint twice is said of the first',
      spread({}, {}),
      [`Duplicate ${SPREAD}.{topologyKey, whenUnsatisfiable}`],
    ],
    [
      'a key that is selected, too, of a label that the pod has not',
      spread({ labelSelector: { matchLabels: { a: 'b' } }, matchLabelKeys: ['a'] }),
      [],
    ],
    [
      'a key that is selected, too, of a label that the pod has',
      labelled(spread({ labelSelector: { matchLabels: { a: 'b' } }, matchLabelKeys: ['a'] })),
      [`Invalid ${SPREAD}[0]`],
    ],
    [
      'a key of a label that the pod has',
      labelled(spread({ labelSelector: { matchLabels: { b: 'c' } }, matchLabelKeys: ['a'] })),
      [],
    ],
    [
      'a key that a term selects, too',
      labelled(
        pod({
          affinity: {
            podAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: [
                { topologyKey: 'z', labelSelector: { matchLabels: { a: 'b' } }, matchLabelKeys: ['a'] },
              ],
            },
          },
        }),
      ),
      ['Invalid spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0][0]'],
    ],
    ['a policy that is none', spread({ nodeTaintsPolicy: 'x' }), [`NotSupported ${SPREAD}.nodeTaintsPolicy`]],
    ['a topology key of spreading may be anything', spread({ topologyKey: 'a b' }), []],
    [
      'a value that no label has, required',
      pod({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: nodeTerm(bad) } } }),
      [
        'Invalid spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values[0]',
      ],
    ],
    [
      'a value that no label has, preferred',
      pod({
        affinity: {
          nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: bad }] },
        },
      }),
      [],
    ],
    [
      'a toleration that compares',
      pod({ tolerations: [{ key: 'a', operator: 'Gt', value: '1' }] }),
      ['NotSupported spec.tolerations[0].operator'],
    ],
    [
      'a node before the gates are open',
      pod({ nodeName: 'n', schedulingGates: [{ name: 'g' }] }),
      ['Forbidden spec.nodeName'],
    ],
    ['a runtime class without a name', pod({ runtimeClassName: '' }), ['Invalid spec.runtimeClassName']],
    ['overhead of nothing known', pod({ overhead: { x: '1' } }), ['Invalid spec.overhead.limits[x]']],
  ])('%s', (_, object, expected) => {
    expect(complaints(object)).toEqual(expected);
  });
});

it('annotations of a pod that mean something are read', () => {
  const annotated = (annotations: Fields) => ({
    ...pod({}),
    metadata: { name: 'x', namespace: 'default', annotations: annotations as Record<string, string> },
  });
  const APPARMOR = 'container.apparmor.security.beta.kubernetes.io/';
  expect(complaints(annotated({ 'controller.kubernetes.io/pod-deletion-cost': '+1' }))).toEqual([
    'Invalid metadata.annotations[controller.kubernetes.io/pod-deletion-cost]',
  ]);
  expect(
    complaints(annotated({ [`${APPARMOR}c`]: 'localhost/x', [`${APPARMOR}other`]: 'unconfined' })),
  ).toEqual([`Invalid metadata.annotations[${APPARMOR}other]`]);
  expect(complaints(annotated({ 'kubernetes.io/config.mirror': 'x' }))).toEqual([
    'Invalid metadata.annotations[kubernetes.io/config.mirror]',
  ]);
});

it('a template may have a blank image and an image volume without a reference; a pod may not', () => {
  const spec = {
    containers: [{ name: 'c', image: ' ' }],
    volumes: [{ name: 'v', image: { pullPolicy: 'Always' } }],
  };
  const template = { metadata: { labels: { a: 'b' } }, spec };
  const deployment = anObject('apps/v1', 'Deployment', {
    spec: { selector: { matchLabels: { a: 'b' } }, template },
  });
  expect(complaints(deployment)).toEqual([]);
  expect(complaints(pod(spec))).toEqual([
    'Required spec.volumes[0].image.reference',
    'Invalid spec.containers[0].image',
  ]);
});

it.each<[string, Fields, readonly string[]]>([
  [
    'a claim by its requests',
    { resources: { claims: ['x', 'y', 'x', 'X', ''].map((request) => ({ name: 'a', request })) } },
    [
      `Duplicate ${at('resources.claims[2]')}`,
      `Invalid ${at('resources.claims[3].request')}`,
      `Duplicate ${at('resources.claims[4]')}`,
    ],
  ],
  ['the old name of the field of the node', env({ fieldRef: { fieldPath: 'spec.host' } }), []],
  [
    'a divisor of a resource that is none',
    env({ resourceFieldRef: { resource: 'limits.x', divisor: '3' } }),
    [`NotSupported ${at('env[0].valueFrom.resourceFieldRef.resource')}`],
  ],
  [
    'a user of a Windows domain with a blank before it',
    { securityContext: { windowsOptions: { runAsUserName: ' a\\b' } } },
    [],
  ],
  [
    'a user of a Windows domain that ends with a dash',
    { securityContext: { windowsOptions: { runAsUserName: `${'a'.repeat(20)}-\\b` } } },
    [`Invalid ${at('securityContext.windowsOptions.runAsUserName')}`],
  ],
])('%s', (_, fields, expected) => {
  const spec = { resourceClaims: [{ name: 'a', resourceClaimName: 'b' }] };
  expect(complaints(pod({ ...spec, containers: [{ name: 'c', image: 'i:1', ...fields }] }))).toEqual(
    expected,
  );
});

it.each<[string, Fields, readonly string[]]>([
  [
    'what a pod has as a whole, on Windows',
    { os: { name: 'windows' }, resources: { limits: { cpu: '1' } } },
    ['Forbidden spec.resources'],
  ],
  [
    'fewer huge pages than its containers may have',
    {
      containers: [{ name: 'c', image: 'i', resources: { limits: { cpu: '1', 'hugepages-2Mi': '4Mi' } } }],
      resources: { limits: { cpu: '1', 'hugepages-2Mi': '2Mi' } },
    },
    [
      'Invalid spec.resources.requests[hugepages-2Mi]',
      'Invalid spec.resources.limits[hugepages-2Mi]',
      'Invalid spec.resources.containers[0][hugepages-2Mi].limits',
    ],
  ],
  [
    'no nameserver, where there must be one',
    { dnsPolicy: 'None', dnsConfig: { searches: ['A'] } },
    ['Required spec.dnsConfig.nameservers'],
  ],
  [
    'gates and init containers without names',
    {
      schedulingGates: [{ name: '' }, { name: '' }],
      initContainers: [
        { name: '', image: 'i', resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }] },
        { name: '', image: 'i' },
      ],
    },
    [
      'Required spec.initContainers[0].name',
      'Required spec.initContainers[1].name',
      'Invalid spec.schedulingGates[0]',
      'Invalid spec.schedulingGates[1]',
      'Duplicate spec.schedulingGates[1]',
    ],
  ],
])('%s', (_, spec, expected) => {
  expect(complaints(pod(spec))).toEqual(expected);
});

describe('profiles in annotations', () => {
  const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod';
  const APPARMOR_C = 'container.apparmor.security.beta.kubernetes.io/c';
  const TOLERATIONS = 'scheduler.alpha.kubernetes.io/tolerations';
  const annotated = (annotations: Record<string, string>, spec: Fields = {}) => {
    const object = pod(spec);
    return { ...object, metadata: { ...object.metadata, annotations } };
  };
  const PATH = 'metadata.annotations';

  it.each<[Record<string, string>, Fields, readonly string[]]>([
    [{ [SECCOMP_POD]: 'docker/default' }, {}, []],
    [{ [SECCOMP_POD]: 'x' }, {}, [`Invalid ${PATH}.${SECCOMP_POD}`]],
    [{ [SECCOMP_POD]: 'localhost/../x' }, {}, [`Invalid ${PATH}.${SECCOMP_POD}`]],
    [
      { [SECCOMP_POD]: 'unconfined' },
      { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } },
      ['Forbidden spec.securityContext.seccompProfile.type'],
    ],
    [
      { [APPARMOR_C]: 'localhost/a' },
      {
        containers: [
          {
            name: 'c',
            image: 'i',
            securityContext: { appArmorProfile: { type: 'Localhost', localhostProfile: 'b' } },
          },
        ],
      },
      [`Forbidden ${at('securityContext.appArmorProfile.localhostProfile')}`],
    ],
    [{ [TOLERATIONS]: '{' }, {}, [`Invalid ${PATH}`]],
    [{ [TOLERATIONS]: 'null' }, {}, []],
    [
      { [TOLERATIONS]: '[{"key":"a","operator":"x"}]' },
      {},
      [`NotSupported ${PATH}.${TOLERATIONS}[0].operator`],
    ],
  ])('%j %j', (annotations, spec, expected) => {
    expect(complaints(annotated(annotations, spec))).toEqual(expected);
  });

  it('a new pod has the profile that its annotation names', () => {
    const profiles = (object: ReturnType<typeof pod>) => {
      const { containers } = stored(object)['spec'] as { containers: { securityContext?: unknown }[] };
      return containers.map(({ securityContext }) => securityContext);
    };
    const runtime = { appArmorProfile: { type: 'RuntimeDefault' } };
    expect(profiles(annotated({ [APPARMOR_C]: 'runtime/default' }))).toEqual([runtime]);
    const ofPod = { securityContext: runtime };
    expect(profiles(annotated({ [APPARMOR_C]: 'runtime/default' }, ofPod))).toEqual([undefined]);
    expect(profiles(annotated({ [APPARMOR_C]: 'localhost/' }))).toEqual([undefined]);
  });
});

it('any number of errors is reported, not too many for the stack', () => {
  const many = 200_000;
  const env = Array.from({ length: many }, () => ({}));
  const labels = Object.fromEntries(env.map((_, index) => [`a b${index}`, 'v']));
  const kind = builtinRegistry.byKind('v1', 'Pod');
  const bad = {
    ...container({ env, volumeMounts: env }),
    metadata: { name: 'x', namespace: 'default', labels },
  };
  expect(kind?.validate(bad).length).toBeGreaterThan(3 * many);
});
