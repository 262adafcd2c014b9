/**
 * The placement core alone: pure `planPlacement` over nodes and pending pods that exist only here.
 * The pods are as the API makes them: defaulted, with the tolerations and the token volume that
 * admission adds. Pods per second for plain pods, for pods of a ReplicaSet (spread by default), and
 * for pods with affinity or constraints of their own; then what one more pod costs in a full
 * cluster, and what it costs to say why pods fit nowhere.
 */
import { seededRng } from '../src/base/rng.ts';
import { planPlacement, planPlacementIn } from '../src/scheduler/plan-placement.ts';
import { type ClusterObjects, worldOf } from '../src/scheduler/snapshot.ts';
import { podKind } from '../src/schemas/kinds/pod/kind.ts';
import type { Node, Pod, ReplicaSet } from '../src/schemas/types.ts';
import { median, numberAfter, progress, reporter, spread } from './support/figures.ts';

const REPEATS = numberAfter('--repeats', 3);
const ZONES = 3;
/** Templates that the pods are made from, one after the other: a batch is rarely of one kind. */
const TEMPLATES = 10;
/** The workloads that are not indexed are measured at the smaller size only, with fewer pods. */
const SLOW_PODS = numberAfter('--slow-pods', 1_000);

const report = reporter('placement');

function aNode(index: number): Node {
  const capacity = { cpu: '32', memory: '128Gi', pods: '110', 'ephemeral-storage': '500Gi' };
  const name = `node-${index}`;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': `zone-${index % ZONES}` },
    },
    spec: {},
    status: { capacity, allocatable: capacity },
  };
}

type Workload = 'plain' | 'of a ReplicaSet' | 'with anti-affinity' | 'with a spread constraint';

/** The pod as the API stores it. */
function asStored(pod: Pod): Pod {
  const volume = `kube-api-access-${pod.metadata.name}`;
  const mount = { name: volume, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true };
  const containers = pod.spec.containers.map((container) => ({ ...container, volumeMounts: [mount] }));
  const token = { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } };
  const volumes = [{ name: volume, projected: { sources: [token] } }];
  const given = { ...pod, spec: { ...pod.spec, containers, volumes } };
  return podKind.prepareForCreate(podKind.withDefaults(given)) as Pod;
}

function aPod(index: number, workload: Workload): Pod {
  return asStored(draftOf(index, workload));
}

function draftOf(index: number, workload: Workload): Pod {
  const template = index % TEMPLATES;
  const labels = { app: `app-${template}` };
  const selector = { labelSelector: { matchLabels: labels } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `pod-${index}`,
      namespace: 'default',
      uid: `uid-${index}`,
      labels,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...(workload === 'of a ReplicaSet'
        ? {
            ownerReferences: [
              {
                apiVersion: 'apps/v1',
                kind: 'ReplicaSet',
                name: `rs-${template}`,
                uid: `rs-${template}`,
                controller: true,
              },
            ],
          }
        : {}),
    },
    spec: {
      schedulerName: 'default-scheduler',
      containers: [
        {
          name: 'main',
          image: `registry.example/app-${template}:1`,
          resources: { requests: { cpu: `${100 + template * 10}m`, memory: '256Mi' } },
        },
      ],
      ...(workload === 'with anti-affinity'
        ? {
            affinity: {
              podAntiAffinity: {
                preferredDuringSchedulingIgnoredDuringExecution: [
                  { weight: 100, podAffinityTerm: { ...selector, topologyKey: 'kubernetes.io/hostname' } },
                ],
              },
            },
          }
        : {}),
      ...(workload === 'with a spread constraint'
        ? {
            topologySpreadConstraints: [
              {
                ...selector,
                maxSkew: 1,
                topologyKey: 'topology.kubernetes.io/zone',
                whenUnsatisfiable: 'DoNotSchedule',
              },
            ],
          }
        : {}),
    },
  };
}

const replicaSets: readonly ReplicaSet[] = Array.from({ length: TEMPLATES }, (_, index) => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { name: `rs-${index}`, namespace: 'default', uid: `rs-${index}` },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: `app-${index}` } },
    template: { spec: { containers: [] } },
  },
}));

function measure(nodes: number, pods: number, workload: Workload, repeats = REPEATS): number {
  const world: ClusterObjects = {
    nodes: Array.from({ length: nodes }, (_, index) => aNode(index)),
    pods: [],
    namespaces: [],
    services: [],
    replicaSets: workload === 'of a ReplicaSet' ? replicaSets : [],
  };
  const pending = Array.from({ length: pods }, (_, index) => aPod(index, workload));
  const speeds: number[] = [];
  for (let round = 0; round < repeats; round += 1) {
    const begin = performance.now();
    const { bindings } = planPlacement(pending, world, seededRng(round));
    const took = performance.now() - begin;
    if (bindings.length !== pods) throw new Error(`Only ${bindings.length} of ${pods} pods were placed`);
    speeds.push((pods / took) * 1_000);
  }
  report({
    name: `${pods} pods ${workload} on ${nodes} nodes`,
    value: median(speeds),
    unit: 'pods/s',
    note: spread(speeds),
  });
  return median(speeds);
}

progress('plain pods');
measure(1_000, 10_000, 'plain');
const basic = measure(5_000, 50_000, 'plain');
progress('pods of ReplicaSets');
measure(1_000, 10_000, 'of a ReplicaSet');
const spreadSpeed = measure(5_000, 50_000, 'of a ReplicaSet');
report({
  name: 'spread against plain',
  value: spreadSpeed,
  unit: 'pods/s',
  baseline: basic,
  ratio: spreadSpeed / basic,
});
progress('pods with constraints of their own');
measure(1_000, SLOW_PODS, 'with a spread constraint', 1);
measure(1_000, SLOW_PODS, 'with anti-affinity', 1);

/** A cluster that is full of pods of ReplicaSets. */
function fullCluster(nodes: number, pods: number, priority: number): ClusterObjects {
  const bound = Array.from({ length: pods }, (_, index): Pod => {
    const pod = aPod(index, 'of a ReplicaSet');
    return { ...pod, spec: { ...pod.spec, priority, nodeName: `node-${index % nodes}` } };
  });
  const world = { pods: bound, namespaces: [], services: [], replicaSets };
  return { ...world, nodes: Array.from({ length: nodes }, (_, index) => aNode(index)) };
}

progress('one more pod');
const MANY = 50_000;
const full = fullCluster(5_000, MANY, 0);
const world = worldOf(full);
world.snapshot(full);
const times = Array.from({ length: 21 }, (_, round) => {
  const pending = [aPod(MANY + round, 'of a ReplicaSet')];
  // Another pod has changed since the last look.
  const changed = full.pods[round] as Pod;
  const begin = process.cpuUsage();
  world.podChanged(`default/${changed.metadata.name}`, changed);
  planPlacementIn(pending, world, full, seededRng(round));
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1_000;
});
report({
  name: `one pending pod at ${MANY} pods on 5000 nodes`,
  value: median(times),
  unit: 'ms of CPU',
  note: spread(times),
});

progress('refusals');
const refusing = fullCluster(2_000, 20_000, -1);
const tooLarge = Array.from({ length: 5 }, (_, index) => {
  const pod = aPod(index, 'plain');
  const resources = { requests: { cpu: '31900m', memory: '256Mi' } };
  const containers = pod.spec.containers.map((container) => ({ ...container, resources }));
  const labels = { app: `large-${index}` };
  return { ...pod, metadata: { ...pod.metadata, labels }, spec: { ...pod.spec, containers } };
});
const refusingWorld = worldOf(refusing);
refusingWorld.snapshot(refusing);
const refusals = Array.from({ length: 5 }, (_, round) => {
  const begin = performance.now();
  const { rejections } = planPlacementIn(tooLarge, refusingWorld, refusing, seededRng(round));
  if (rejections.length !== tooLarge.length) throw new Error('a pod that is too large was placed');
  return performance.now() - begin;
});
report({
  name: '5 classes that fit nowhere on 2000 nodes, with their texts',
  value: median(refusals),
  unit: 'ms',
  note: spread(refusals),
});
