/**
 * Replays recorded decisions of the real kube-scheduler: which nodes were feasible, why the others were not, each
 * plugin's score of each node, and the message of an unschedulable pod.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../../src/base/rng.ts';
import { explainRefusal } from '../../src/scheduler/explain.ts';
import { toPodInfo } from '../../src/scheduler/pod-info.ts';
import { findFeasible, schedulePod, scoreNodes } from '../../src/scheduler/schedule-pod.ts';
import { buildSnapshot, place } from '../../src/scheduler/snapshot.ts';
import { builtinRegistry } from '../../src/schemas/registry.ts';
import type { Namespace, Node, Pod, Service } from '../../src/schemas/types.ts';

interface Step {
  pod: Pod;
  stored?: Partial<Pod['spec']>;
  outcome: string;
  feasible?: string[];
  reasons?: Record<string, string[]>;
  scorePlugins?: string[];
  scores?: Record<string, number[]>;
  best?: string[];
  node?: string;
  condition?: { message?: string };
}
interface Case {
  name: string;
  theme?: string;
  nodes: Node[];
  services?: Service[];
  existing?: { pod: Pod; phase?: string; terminating?: boolean }[];
  pdbs?: unknown[];
  objects?: { path: string; object: unknown }[];
  steps: Step[];
}

/** Deliberate differences from the recorded scheduler, by the text of the part that differs. */
const notOurs: readonly { readonly match: (step: Step) => boolean; readonly why: string }[] = [
  {
    match: (step) => ['preset', 'notAttempted'].includes(step.outcome),
    why: 'the scheduler was not asked',
  },
  {
    match: (step) => step.outcome === 'error',
    why: 'upstream fails on a preferred Gt/Lt term that its own validation lets through; we treat it as no match',
  },
];

/**
 * Upstream leaves a pod's own `spec.resources` out when it scores the incoming pod, and counts them once it is placed; we
 * count them both times.
 */
const hasPodLevelResources = (step: Step): boolean => 'resources' in step.pod.spec;

const load = (name: string): Case[] =>
  readFileSync(new URL(`../fixtures/facts/scheduler/${name}.jsonl`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Case);

const priorities: Record<string, number> = {
  'p-neg': -10,
  'p-0': 0,
  'p-10': 10,
  'p-100': 100,
  'p-1000': 1000,
  'p-1000-never': 1000,
};

/** What the API server's admission does before the scheduler sees a pod. */
function admitted(pod: Pod): Pod {
  const kind = builtinRegistry.byKind('v1', 'Pod');
  const stored = kind!.withDefaults({ ...pod, apiVersion: 'v1', kind: 'Pod' }) as Pod;
  const priorityClass = stored.spec.priorityClassName;
  return {
    ...stored,
    spec: {
      ...stored.spec,
      ...(priorityClass ? { priority: priorities[priorityClass] ?? 0 } : {}),
      ...(priorityClass === 'p-1000-never' ? { preemptionPolicy: 'Never' } : {}),
      ...(stored.spec.runtimeClassName === 'rc-ovh' ? { overhead: { cpu: '250m', memory: '120Mi' } } : {}),
    },
  };
}

const namespaces: Namespace[] = [
  ['default', {}],
  ['blue', { team: 'blue' }],
  ['green', { team: 'green', env: 'prod' }],
  ['kube-system', {}],
].map(([name, labels]) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: name as string,
    labels: { 'kubernetes.io/metadata.name': name as string, ...(labels as object) },
  },
}));

function worldOf(scenario: Case): Parameters<typeof buildSnapshot>[0] {
  return {
    nodes: scenario.nodes.map((node) => ({ ...node, spec: node.spec ?? {} })),
    services: (scenario.services ?? []).map((service) => ({
      ...service,
      metadata: { ...service.metadata, namespace: service.metadata.namespace ?? 'default' },
    })),
    namespaces,
    replicaSets: [],
    pods: (scenario.existing ?? []).map(({ pod, phase, terminating }) => {
      const stored = admitted(pod);
      return {
        ...stored,
        metadata: {
          ...stored.metadata,
          ...(terminating ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
        },
        status: { ...stored.status, phase: phase ?? 'Pending' } as NonNullable<Pod['status']>,
      };
    }),
  };
}

function replay(scenario: Case): void {
  const world = worldOf(scenario);
  const placed: Pod[] = [];
  for (const step of scenario.steps) {
    const pod = admitted(
      step.stored ? { ...step.pod, spec: { ...step.pod.spec, ...step.stored } } : step.pod,
    );
    const snapshot = buildSnapshot({ ...world, pods: [...world.pods, ...placed] });
    const info = toPodInfo(pod, snapshot.namespaceLabels);
    if (!notOurs.some(({ match }) => match(step)) && step.feasible) {
      const { feasible, refusals, whole } = findFeasible(info, snapshot);
      expect(feasible.map((node) => node.name).sort(), 'feasible nodes').toEqual([...step.feasible].sort());
      if (whole === undefined) {
        const reasons = Object.fromEntries(
          [...refusals].map(([node, refusal]) => [node, [...refusal.reasons].sort()]),
        );
        const recorded = Object.fromEntries(
          Object.entries(step.reasons ?? {}).map(([node, list]) => [node, [...list].sort()]),
        );
        expect(reasons, 'reasons').toEqual(recorded);
      }
      if (step.scores && step.scorePlugins && !hasPodLevelResources(step))
        compareScores(step, info, feasible, snapshot);
      if (step.outcome === 'unschedulable') {
        const placement = schedulePod(info, snapshot, seededRng(1));
        if (placement.type === 'placed') throw new Error('placed a pod that upstream refused');
        expect(explainRefusal(placement, info, snapshot)).toBe(step.condition?.message);
      }
    }
    // The recorder then evicted the victims: another world from here on, and eviction is not ours yet.
    if (step.outcome === 'preempting') return;
    if (step.node) {
      placed.push({ ...pod, spec: { ...pod.spec, nodeName: step.node } });
      place(snapshot, info, snapshot.byName.get(step.node)!);
    }
  }
}

function compareScores(
  step: Step,
  info: ReturnType<typeof toPodInfo>,
  feasible: ReturnType<typeof findFeasible>['feasible'],
  snapshot: ReturnType<typeof buildSnapshot>,
): void {
  const { totals, byPlugin } = scoreNodes(info, feasible, snapshot);
  const plugins = step.scorePlugins!.filter((name) => name !== 'DynamicResources' && name !== 'TOTAL');
  feasible.forEach((node, index) => {
    const recorded = step.scores![node.name]!;
    const ours = Object.fromEntries(
      plugins.map((name) => [name, byPlugin.find((entry) => entry.plugin.name === name)?.weighted[index]]),
    );
    const theirs = Object.fromEntries(
      plugins.map((name) => [name, recorded[step.scorePlugins!.indexOf(name)]]),
    );
    expect({ node: node.name, ...ours, total: totals[index] }).toEqual({
      node: node.name,
      ...theirs,
      total: recorded.at(-1),
    });
  });
}

/** Messages that speak of volumes, claims and victims: parts of the scheduler that we do not have. */
const foreignMessages =
  /volume|claim "|resourceclaim|resourceClaims|ResourceClaim|PersistentVolume|disk\b|cannot allocate|CSI|csi|terminating pod on the nominated/;

describe('recorded decisions of the real scheduler', () => {
  describe.each(load('feasibility'))('$name ($theme)', (scenario) => {
    it('has the same feasible nodes, reasons, scores and messages', () => replay(scenario));
  });

  const messages = load('messages').filter(
    (scenario) => !foreignMessages.test(JSON.stringify(scenario.steps)),
  );
  it.each(messages.map((scenario) => [scenario.name, scenario] as const))(
    '%s reads the same',
    (_, scenario) => {
      const world = worldOf(scenario);
      const placed: Pod[] = [];
      for (const step of scenario.steps) {
        const pod = admitted(step.pod);
        const snapshot = buildSnapshot({ ...world, pods: [...world.pods, ...placed] });
        const info = toPodInfo(pod, snapshot.namespaceLabels);
        if (step.outcome === 'unschedulable' && step.condition?.message) {
          const placement = schedulePod(info, snapshot, seededRng(1));
          if (placement.type === 'placed') throw new Error('placed a pod that upstream refused');
          expect(explainRefusal(placement, info, snapshot)).toBe(step.condition.message);
        }
        if (step.node) placed.push({ ...pod, spec: { ...pod.spec, nodeName: step.node } });
      }
    },
  );
});
