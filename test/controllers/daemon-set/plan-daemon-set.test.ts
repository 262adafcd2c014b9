import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../src/base/rng.ts';
import { createFailedPodBackoff } from '../../../src/controllers/daemon-set/failed-pod-backoff.ts';
import { daemonTolerations, type Fit, fitOf } from '../../../src/controllers/daemon-set/node-fit.ts';
import {
  BURST_PODS,
  type DaemonSetPlan,
  type DaemonSetView,
  planDaemonSet,
  planRefusedPods,
} from '../../../src/controllers/daemon-set/plan-daemon-set.ts';
import { templateHash } from '../../../src/controllers/deployment/template-hash.ts';
import { templatePatch } from '../../../src/controllers/revision-history/plan-revision-history.ts';
import { RESTORED_OWNER, withMark } from '../../../src/schemas/pods/pod-marks.ts';
import type { ControllerRevision, DaemonSet, Node, Pod, PodTemplate } from '../../../src/schemas/types.ts';
import { aNode, aPod, frozen, ownedBy } from '../../support/builders.ts';

const NOW = Date.UTC(2026, 0, 2);
const HASH = 'controller-revision-hash';
const templateOf = (image = 'app:2', spec: object = {}): PodTemplate => ({
  metadata: { labels: { app: 'agent' } },
  spec: { containers: [{ name: 'c', image }], ...spec },
});

function daemonSet(spec: object = {}, more: Partial<DaemonSet> = {}): DaemonSet {
  return frozen({
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: {
      name: 'agent',
      namespace: 'default',
      uid: 'ds',
      generation: 2,
      annotations: { 'deprecated.daemonset.template.generation': '2' },
    },
    spec: {
      selector: { matchLabels: { app: 'agent' } },
      template: templateOf(),
      revisionHistoryLimit: 10,
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
      ...spec,
    },
    ...more,
  });
}

const rolling = (maxUnavailable: unknown, maxSurge: unknown): object => ({
  updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable, maxSurge } },
});

const hashOf = (template: PodTemplate): string => templateHash(template, undefined);
const [NEW, OLD] = [hashOf(templateOf()), hashOf(templateOf('app:1'))];

function revision(template: PodTemplate, number: number, more: object = {}): ControllerRevision {
  const hash = hashOf(template);
  const object = {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `agent-${hash}`,
      namespace: 'default',
      uid: hash,
      labels: { app: 'agent', [HASH]: hash },
      ...more,
    },
    data: templatePatch(template),
    revision: number,
  };
  return frozen(ownedBy(daemonSet(), object));
}
const HISTORY = [revision(templateOf('app:1'), 1), revision(templateOf(), 2)];

function pod(node: string, hash: string, more: Parameters<typeof aPod>[0] = {}): Pod {
  const labels = { app: 'agent', [HASH]: hash };
  return frozen(ownedBy(daemonSet(), aPod({ name: `${node}-${hash}`, node, ready: true, labels, ...more })));
}
const deletionTimestamp = '2026-01-01T01:00:00Z';

const nodes = (count: number): Node[] =>
  Array.from({ length: count }, (_, index) => aNode({ name: `n${String(index + 1)}` }));

const viewOf = (more: Partial<DaemonSetView> = {}): DaemonSetView => ({
  daemonSet: daemonSet(),
  revisions: HISTORY,
  pods: [],
  nodes: nodes(3),
  rng: seededRng(1),
  mayAct: true,
  named: (name) => (more.revisions ?? HISTORY).find(({ metadata }) => metadata.name === name),
  failureWaitMs: () => 0,
  ...more,
});
const plan = (more: Partial<DaemonSetView> = {}): DaemonSetPlan =>
  planDaemonSet(viewOf(more), NOW) ?? { writes: [] };

/** `create n1`, `delete n2-<hash>`, in order. */
const podWrites = ({ writes }: DaemonSetPlan): string[] =>
  writes
    .filter(({ object }) => object.kind === 'Pod')
    .map(({ verb, object }) => {
      const { affinity } = (object as Pod).spec;
      const [term] =
        affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
      return `${verb} ${verb === 'create' ? (term?.matchFields?.[0]?.values?.[0] ?? '') : object.metadata.name}`;
    })
    .sort();
const statusIn = ({ writes }: DaemonSetPlan): unknown =>
  writes.find(({ object }) => object.kind === 'DaemonSet')?.object['status'];

describe('the nodes of a DaemonSet', () => {
  const taint = (key: string, effect: 'NoSchedule' | 'NoExecute' | 'PreferNoSchedule'): Node =>
    aNode({ taints: [{ key, effect }] });
  const required = (matches: object): object => ({
    affinity: {
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [matches] } },
    },
  });
  it.each<[string, object, Node, Fit]>([
    ['any', {}, aNode(), 'run'],
    ['of another label', { nodeSelector: { disk: 'ssd' } }, aNode(), 'leave'],
    ['of its label', { nodeSelector: { disk: 'ssd' } }, aNode({ labels: { disk: 'ssd' } }), 'run'],
    [
      'that affinity demands',
      required({ matchExpressions: [{ key: 'disk', operator: 'Exists' }] }),
      aNode({ labels: { disk: '' } }),
      'run',
    ],
    [
      'of another name than affinity demands',
      required({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n2'] }] }),
      aNode(),
      'leave',
    ],
    ['that the template names', { nodeName: 'n1' }, aNode(), 'run'],
    ['of another name than the template says', { nodeName: 'n2' }, aNode(), 'leave'],
    ['with a taint against new pods', {}, taint('x', 'NoSchedule'), 'stay'],
    ['with a taint against all pods', {}, taint('x', 'NoExecute'), 'leave'],
    ['that others avoid', {}, taint('x', 'PreferNoSchedule'), 'run'],
    ['with a tolerated taint', { tolerations: [{ operator: 'Exists' }] }, taint('x', 'NoExecute'), 'run'],
    ['that is cordoned', {}, taint('node.kubernetes.io/unschedulable', 'NoSchedule'), 'run'],
    ['under pressure', {}, taint('node.kubernetes.io/memory-pressure', 'NoSchedule'), 'run'],
    ['that is silent', {}, taint('node.kubernetes.io/unreachable', 'NoExecute'), 'run'],
    ['that is silent, for new pods', {}, taint('node.kubernetes.io/unreachable', 'NoSchedule'), 'stay'],
    ['without a network', {}, taint('node.kubernetes.io/network-unavailable', 'NoSchedule'), 'stay'],
    [
      'without a network, of pods that need none',
      { hostNetwork: true },
      taint('node.kubernetes.io/network-unavailable', 'NoSchedule'),
      'run',
    ],
  ])('%s', (_, spec, node, fit) => {
    expect(fitOf(daemonSet({ template: templateOf('app:2', spec) }))(node)).toBe(fit);
  });

  it('keep a toleration of the template in its place, without its seconds', () => {
    const own = { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' } as const;
    const tolerations = daemonTolerations({ tolerations: [{ ...own, tolerationSeconds: 5 }, { key: 'x' }] });
    expect(tolerations).toHaveLength(7);
    expect(tolerations.slice(0, 2)).toEqual([own, { key: 'x' }]);
  });
});

describe('the pods of a DaemonSet', () => {
  it('are made for each node at once, with the labels of their revision', () => {
    const made = plan();
    expect(podWrites(made)).toEqual(['create n1', 'create n2', 'create n3']);
    const [{ object } = { object: {} }] = made.writes;
    expect(object).toMatchObject({
      metadata: { labels: { app: 'agent', [HASH]: NEW, 'pod-template-generation': '2' } },
    });
    expect(made.events?.map(({ event, write }) => [event, write?.verb])).toEqual([
      ['created', 'create'],
      ['created', 'create'],
      ['created', 'create'],
    ]);
  });

  it('are made in bursts', () => {
    const made = plan({ nodes: nodes(BURST_PODS + 7) });
    expect(podWrites(made)).toHaveLength(BURST_PODS);
  });

  it('keep preferred affinity beside the node that they are for', () => {
    const preferred = [{ weight: 1, preference: {} }];
    const affinity = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } };
    const template = templateOf('app:2', { affinity });
    const set = daemonSet({ template });
    const { writes } = plan({ daemonSet: set, revisions: [revision(template, 1)], nodes: nodes(1) });
    expect((writes[0]?.object as Pod).spec.affinity?.nodeAffinity).toMatchObject({
      preferredDuringSchedulingIgnoredDuringExecution: preferred,
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchFields: [{ values: ['n1'] }] }],
      },
    });
  });

  const gone = aNode({ name: 'n1', labels: { off: 'limits' }, taints: [{ key: 'x', effect: 'NoExecute' }] });
  it.each<[string, Partial<DaemonSetView>, readonly string[]]>([
    ['on a node that they must leave', { nodes: [gone], pods: [pod('n1', NEW)] }, [`delete n1-${NEW}`]],
    [
      'that are going already are left alone',
      { nodes: nodes(1), pods: [pod('n1', NEW, { deletionTimestamp })] },
      [],
    ],
    [
      'that have ended and are going make room at once',
      { nodes: nodes(1), pods: [pod('n1', NEW, { deletionTimestamp, phase: 'Succeeded' })] },
      ['create n1'],
    ],
    [
      'beyond one for each node, the youngest and unbound first',
      {
        nodes: nodes(1),
        pods: [
          pod('n1', NEW, { name: 'young', creationTimestamp: '2026-01-01T12:00:00Z' }),
          pod('n1', NEW, { name: 'old' }),
        ],
      },
      ['delete young'],
    ],
    [
      'that were made for a node that is gone, and never bound',
      {
        nodes: [],
        pods: [
          pod('', NEW, {
            name: 'lost',
            spec: {
              affinity: {
                nodeAffinity: {
                  requiredDuringSchedulingIgnoredDuringExecution: {
                    nodeSelectorTerms: [
                      { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n9'] }] },
                    ],
                  },
                },
              },
            },
          }),
          pod('n8', NEW),
        ],
      },
      ['delete lost'],
    ],
    [
      'that failed',
      { nodes: nodes(1), pods: [pod('n1', NEW, { phase: 'Failed', ready: false })] },
      [`delete n1-${NEW}`],
    ],
    [
      'that succeeded',
      { nodes: nodes(1), pods: [pod('n1', NEW, { phase: 'Succeeded', ready: false })] },
      [`delete n1-${NEW}`],
    ],
    [
      'that failed, while the node backs off',
      {
        nodes: nodes(1),
        pods: [pod('n1', NEW, { phase: 'Failed', ready: false })],
        failureWaitMs: () => 700,
      },
      [],
    ],
  ])('%s', (_, view, expected) => {
    expect(podWrites(plan(view))).toEqual(expected);
  });

  it('that fail are told of, and waited for longer each time', () => {
    const failed = pod('n1', NEW, { phase: 'Failed', ready: false });
    const made = plan({ nodes: nodes(1), pods: [failed] });
    expect(made.events?.map(({ event, args }) => [event, ...args])).toEqual([
      ['failedPod', `default/n1-${NEW}`, 'n1'],
      ['deleted', `n1-${NEW}`],
    ]);
    expect(made.failedOn).toEqual(['n1']);
    expect(plan({ nodes: nodes(1), pods: [failed], failureWaitMs: () => 700 }).requeueAfterMs).toBe(700);
    const backoff = createFailedPodBackoff();
    const waits = [0, 1, 2].map(() => {
      backoff.next(['n1'], NOW);
      return backoff.waitMs('n1', NOW);
    });
    expect(waits).toEqual([1000, 2000, 4000]);
    expect(backoff.waitMs('n1', NOW + 4000)).toBe(0);
    for (let again = 0; again < 12; again += 1) backoff.next(['n1'], NOW);
    expect(backoff.waitMs('n1', NOW)).toBe(900_000);
    backoff.next(['n2'], NOW + 1_900_000);
    backoff.next(['n1'], NOW + 1_900_000);
    expect(backoff.waitMs('n1', NOW + 1_900_000)).toBe(1000);
  });

  it('are neither made nor deleted before the store is rebuilt', () => {
    const orphan = aPod({ name: 'a', node: 'n1', ready: true, labels: { app: 'agent', [HASH]: NEW } });
    expect(plan({ mayAct: false, pods: [orphan] }).writes).toMatchObject([
      { verb: 'update', object: { metadata: { name: 'a', ownerReferences: [{ uid: 'ds' }] } } },
    ]);
    const { writes } = plan({ mayAct: false, revisions: [], pods: [pod('n1', OLD), pod('n1', NEW)] });
    expect(writes.map(({ verb, object }) => `${verb} ${object.kind}`)).toEqual(['update DaemonSet']);
    expect(writes[0]?.object['status']).not.toHaveProperty('observedGeneration');
  });

  it('that an agent restored are known by their hash: the generations began again', () => {
    const labels = { app: 'agent', [HASH]: OLD, 'pod-template-generation': '2' };
    const restored = withMark(aPod({ name: 'a', node: 'n1', labels }), RESTORED_OWNER, 'DaemonSet/agent');
    const [adopted] = plan({ pods: [restored] }).writes;
    expect(adopted?.object.metadata.labels).toEqual({ app: 'agent', [HASH]: OLD });
    const [kept] = plan({ pods: [aPod({ name: 'a', node: 'n1', labels })] }).writes;
    expect(kept?.object.metadata.labels).toEqual(labels);
  });

  it('that the API refuses are an event, and the status is kept up', () => {
    const refusal = { message: 'no quota', namespaceGoes: false };
    const made = planRefusedPods(viewOf(), refusal, NOW);
    expect(made?.events?.map(({ event, args }) => [event, ...args])).toEqual([['refused', 'no quota']]);
    expect(made?.writes.map(({ object }) => object.kind)).toEqual(['DaemonSet']);
    expect(planRefusedPods(viewOf(), { ...refusal, namespaceGoes: true }, NOW)?.events).toEqual([]);
  });

  it('are left alone while the DaemonSet is being deleted', () => {
    const going = daemonSet({}, { metadata: { ...daemonSet().metadata, deletionTimestamp } });
    expect(planDaemonSet(viewOf({ daemonSet: going }), NOW)).toBeUndefined();
  });
});

describe('a rolling update', () => {
  const outdated = (count: number): Pod[] => nodes(count).map(({ metadata }) => pod(metadata.name, OLD));
  const unready = { ready: false, phase: 'Running' } as const;
  it.each<[string, object, readonly Pod[], readonly string[]]>([
    ['replaces one pod at a time', {}, outdated(3), [`delete n1-${OLD}`]],
    [
      'rounds a share of the nodes up',
      rolling('34%', 0),
      outdated(3),
      [`delete n1-${OLD}`, `delete n2-${OLD}`],
    ],
    ['waits for a new pod', {}, [pod('n1', NEW, unready), pod('n2', OLD), pod('n3', OLD)], []],
    [
      'goes on behind an available one',
      {},
      [pod('n1', NEW), pod('n2', OLD), pod('n3', OLD)],
      [`delete n2-${OLD}`],
    ],
    [
      'replaces broken pods first, and no others beside them',
      {},
      [pod('n1', OLD), pod('n2', OLD, unready), pod('n3', OLD, unready)],
      [`delete n2-${OLD}`, `delete n3-${OLD}`],
    ],
    [
      'waits for a pod that is not ready for long enough',
      { minReadySeconds: 60 },
      [pod('n1', NEW, { readySince: '2026-01-01T23:59:30Z' }), pod('n2', OLD), pod('n3', OLD)],
      [],
    ],
    [
      'waits for what is going',
      {},
      [pod('n1', OLD, { deletionTimestamp }), pod('n2', OLD), pod('n3', OLD)],
      [],
    ],
    ['leaves all to its user on OnDelete', { updateStrategy: { type: 'OnDelete' } }, outdated(3), []],
    ['surges one node at a time', rolling(0, 1), outdated(3), ['create n1']],
    ['surges a share of the nodes', rolling(0, '50%'), outdated(3), ['create n1', 'create n2']],
    [
      'replaces an unavailable pod beside the surge',
      rolling(0, 1),
      [pod('n1', OLD), pod('n2', OLD, unready), pod('n3', OLD)],
      ['create n1', 'create n2'],
    ],
    [
      'keeps the old pod beside a surged one that is not available',
      rolling(0, 1),
      [pod('n1', OLD), pod('n1', NEW, unready), pod('n2', OLD), pod('n3', OLD)],
      [],
    ],
    [
      'ends the old pod behind an available surged one',
      rolling(0, 1),
      [pod('n1', OLD), pod('n1', NEW), pod('n2', OLD), pod('n3', OLD)],
      [`delete n1-${OLD}`],
    ],
    [
      'ends an unready old pod beside a surged one',
      rolling(0, 1),
      [pod('n1', OLD, unready), pod('n1', NEW, unready), pod('n2', OLD), pod('n3', OLD)],
      [`delete n1-${OLD}`],
    ],
  ])('%s', (_, spec, pods, expected) => {
    expect(podWrites(plan({ daemonSet: daemonSet(spec), pods }))).toEqual(expected);
  });

  it('with surge keeps a pod of a node that is off limits until others are available', () => {
    const tainted = aNode({ name: 'n1', taints: [{ key: 'x', effect: 'NoSchedule' }] });
    const [, ...rest] = nodes(2);
    const view = { daemonSet: daemonSet(rolling(0, 1)), nodes: [tainted, ...rest] };
    const waiting = [pod('n1', OLD), pod('n2', OLD, { ready: false }), pod('n2', NEW, { ready: false })];
    expect(podWrites(plan({ ...view, pods: [pod('n1', OLD), pod('n2', NEW)] }))).toEqual([
      `delete n1-${OLD}`,
    ]);
    expect(podWrites(plan({ ...view, pods: waiting }))).not.toContain(`delete n1-${OLD}`);
  });

  it('counts a pod of this generation of the template as updated, whatever its hash', () => {
    const labels = { app: 'agent', [HASH]: OLD, 'pod-template-generation': '2' };
    const pods = nodes(3).map(({ metadata }) => pod(metadata.name, OLD, { labels }));
    expect(podWrites(plan({ pods }))).toEqual([]);
    expect(statusIn(plan({ pods }))).toMatchObject({ updatedNumberScheduled: 3 });
  });
});

describe('the status of a DaemonSet', () => {
  it('counts nodes, and the pods on them', () => {
    const stay = aNode({ name: 'n4', taints: [{ key: 'x', effect: 'NoSchedule' }] });
    const pods = [
      pod('n1', NEW),
      pod('n2', OLD, { readySince: '2026-01-01T23:59:59Z' }),
      pod('n4', NEW),
      pod('elsewhere', NEW),
    ];
    const made = plan({ daemonSet: daemonSet({ minReadySeconds: 10 }), nodes: [...nodes(3), stay], pods });
    expect(statusIn(made)).toEqual({
      currentNumberScheduled: 2,
      desiredNumberScheduled: 3,
      numberAvailable: 1,
      numberMisscheduled: 1,
      numberReady: 2,
      numberUnavailable: 2,
      observedGeneration: 2,
      updatedNumberScheduled: 1,
    });
    expect(made.requeueAfterMs).toBe(9_000);
  });

  it('is not written again when nothing changed', () => {
    const pods = nodes(3).map(({ metadata }) => pod(metadata.name, NEW));
    const status = statusIn(plan({ pods })) as NonNullable<DaemonSet['status']>;
    expect(plan({ pods, daemonSet: daemonSet({}, { status }) }).writes).toEqual([]);
  });
});

describe('the history of a DaemonSet', () => {
  const names = ({ writes }: DaemonSetPlan): string[] =>
    writes
      .filter(({ object }) => object.kind === 'ControllerRevision')
      .map(({ verb, object }) => `${verb} ${object.metadata.name}`);

  it('comes before everything else', () => {
    const made = plan({ revisions: [], named: () => undefined });
    expect(names(made)).toEqual([`create agent-${NEW}`]);
    expect(podWrites(made)).toEqual([]);
    expect(made.requeueAfterMs).toBe(0);
    expect(made.writes[0]?.object.metadata).toMatchObject({
      labels: { app: 'agent', [HASH]: NEW },
      annotations: { 'deprecated.daemonset.template.generation': '2' },
    });
  });

  it('counts names that are taken', () => {
    const other = revision(templateOf('app:3'), 1);
    const { writes } = plan({
      revisions: [],
      named: (name) => (name === `agent-${NEW}` ? other : undefined),
    });
    expect(writes[0]?.object.metadata.name).toBe(`agent-${templateHash(templateOf(), 1)}`);
    expect(writes[1]?.object['status']).toMatchObject({ collisionCount: 1, desiredNumberScheduled: 0 });
  });

  it('renumbers the revision that the template goes back to', () => {
    const back = [revision(templateOf(), 1), revision(templateOf('app:1'), 2)];
    const { writes } = plan({ revisions: back });
    expect(writes).toMatchObject([
      { verb: 'update', object: { metadata: { name: `agent-${NEW}` }, revision: 3 } },
    ]);
  });

  it('keeps one of two revisions of one template, and its pods with it', () => {
    const twin = revision(templateOf(), 1, {
      name: 'twin',
      uid: 'twin',
      labels: { app: 'agent', [HASH]: 'twin' },
    });
    const made = plan({ revisions: [twin, ...HISTORY], pods: [pod('n1', 'twin')] });
    expect(names(made)).toEqual(['delete twin']);
    expect(made.writes[0]?.object.metadata.labels?.[HASH]).toBe(NEW);
  });

  it('labels a revision that lost its hash with its name', () => {
    const bare = revision(templateOf('app:1'), 1, { labels: { app: 'agent' } });
    const { writes } = plan({ revisions: [bare, revision(templateOf(), 2)] });
    expect(writes).toMatchObject([{ object: { metadata: { labels: { [HASH]: bare.metadata.name } } } }]);
  });

  it('ends at its limit, but for revisions of pods that are there', () => {
    const old = [1, 2, 3].map((number) => revision(templateOf(`old:${String(number)}`), number));
    const revisions = [...old, revision(templateOf(), 4)];
    const daemon = daemonSet({ revisionHistoryLimit: 1 });
    const pods = nodes(3).map(({ metadata }) => pod(metadata.name, NEW));
    const [first = '', second = '', third = ''] = old.map(({ metadata }) => metadata.name);
    expect(names(plan({ daemonSet: daemon, revisions, pods }))).toEqual([
      `delete ${first}`,
      `delete ${second}`,
    ]);
    const used = [pod('n1', hashOf(templateOf('old:1'))), ...pods.slice(1)];
    expect(names(plan({ daemonSet: daemon, revisions, pods: used }))).toEqual([
      `delete ${second}`,
      `delete ${third}`,
    ]);
  });
});
