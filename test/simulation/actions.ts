/** Actions of developers and operators, and bad luck. One table; the seed picks by weight. */
import { TransientError } from '../../src/base/errors.ts';
import { resources } from '../../src/client/types.ts';
import { labelKeys } from '../../src/node-agent/runtime/types.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import type { Deployment, Pod } from '../../src/schemas/types.ts';
import type { SimNode } from '../support/sim-node.ts';
import {
  BROKEN_FILES,
  MAX_REPLICAS,
  NAMES,
  type TreeDraft,
  EMPTY_TREE,
  aDeploymentDraft,
} from './manifests.ts';
import { chance, pick, upTo } from './draws.ts';
import type { Scene, Simulation } from './run.ts';

export interface Action {
  readonly name: string;
  readonly weight: number;
  /** Something fails, or a person meddles: availability is not promised. */
  readonly fault: boolean;
  /** Happens only there. Default: everywhere. */
  readonly scene?: Scene;
  /** Answers what exactly was done, for the trace. */
  run(simulation: Simulation): string | undefined | Promise<string | undefined>;
}

const DEPLOYMENTS = { group: 'apps', version: 'v1', plural: 'deployments' } as const;
const MERGE = { type: 'application/merge-patch+json' } as const;

export const actions: readonly Action[] = [
  {
    name: 'commit a Deployment',
    scene: 'deployments',
    weight: 24,
    fault: false,
    run(simulation) {
      const { rng, tree } = simulation;
      const index = upTo(rng, NAMES.length - 1);
      const name = NAMES[index] ?? 'web';
      const draft = aDeploymentDraft(rng, index, chance(rng, 0.15));
      simulation.commit({ ...tree, deployments: { ...tree.deployments, [name]: draft } });
      hook(simulation);
      return `${name}: ${JSON.stringify(draft)}`;
    },
  },
  {
    name: 'commit another image or size',
    scene: 'deployments',
    weight: 16,
    fault: false,
    run(simulation) {
      const { rng, tree } = simulation;
      const name = pick(rng, NAMES);
      const draft = tree.deployments[name];
      if (!draft) return 'of nothing';
      const change = chance(rng, 0.5)
        ? { image: pick(rng, ['app:v1', 'app:v2', 'app:v3', 'slow:v1']) }
        : { replicas: upTo(rng, draft.hostPort === undefined ? MAX_REPLICAS : 2) };
      simulation.commit({ ...tree, deployments: { ...tree.deployments, [name]: { ...draft, ...change } } });
      hook(simulation);
      return `${name}: ${JSON.stringify(change)}`;
    },
  },
  {
    name: 'commit a ConfigMap',
    weight: 6,
    fault: false,
    run(simulation) {
      const { rng, tree } = simulation;
      const value = `value ${upTo(rng, 1_000)}`;
      simulation.commit({
        ...tree,
        configMaps: { ...tree.configMaps, [pick(rng, ['settings', 'limits'])]: value },
      });
      hook(simulation);
      return value;
    },
  },
  {
    name: 'commit a removal',
    scene: 'deployments',
    weight: 5,
    fault: false,
    run(simulation) {
      const { rng, tree } = simulation;
      const name = pick(rng, NAMES);
      simulation.commit({ ...tree, deployments: without(tree.deployments, name) });
      hook(simulation);
      return name;
    },
  },
  {
    name: 'commit something broken',
    weight: 5,
    fault: false,
    run(simulation) {
      const { rng, tree } = simulation;
      // Everything else that the commit removes must stay until somebody mends it.
      const next = chance(rng, 0.5)
        ? { ...tree, deployments: without(tree.deployments, pick(rng, NAMES)) }
        : tree;
      simulation.commit(next, { broken: pick(rng, BROKEN_FILES) });
      hook(simulation);
      return undefined;
    },
  },
  {
    name: 'commit an empty tree',
    weight: 1,
    fault: false,
    run(simulation) {
      simulation.commit(EMPTY_TREE);
      hook(simulation);
      return undefined;
    },
  },
  {
    name: 'revert to an earlier commit',
    weight: 4,
    fault: false,
    run(simulation) {
      const readable = [...simulation.commits.values()].filter((commit) => commit.readable);
      simulation.commit(pick(simulation.rng, readable).tree);
      hook(simulation);
      return undefined;
    },
  },
  {
    name: 'force-push an earlier commit',
    weight: 3,
    fault: false,
    run(simulation) {
      const id = pick(simulation.rng, [...simulation.commits.keys()]);
      simulation.moveBranch(id);
      hook(simulation);
      return id;
    },
  },
  {
    name: 'force-push another history',
    weight: 2,
    fault: false,
    run(simulation) {
      const { rng, tree } = simulation;
      const deployments: TreeDraft['deployments'] = chance(rng, 0.5)
        ? without(tree.deployments, pick(rng, NAMES))
        : tree.deployments;
      simulation.commit({ ...tree, deployments }, { orphan: true });
      hook(simulation);
      return undefined;
    },
  },
  {
    name: 'kubectl scale',
    scene: 'deployments',
    weight: 5,
    fault: true,
    run(simulation) {
      const { rng } = simulation;
      const deployment = anyOf<Deployment>(simulation, 'deployments.apps');
      if (!deployment) return undefined;
      const replicas = upTo(rng, MAX_REPLICAS + 2);
      return byHand(simulation, 'deployments.apps', deployment, (kubectl, { namespace, name }) =>
        kubectl.patch(DEPLOYMENTS, namespace, name, { spec: { replicas } }, MERGE),
      );
    },
  },
  {
    name: 'kubectl set image',
    scene: 'deployments',
    weight: 4,
    fault: true,
    run(simulation) {
      const deployment = anyOf<Deployment>(simulation, 'deployments.apps');
      if (!deployment) return undefined;
      const image = pick(simulation.rng, ['app:v1', 'app:v3', 'crash:v1']);
      const patch = { spec: { template: { spec: { containers: [{ name: 'main', image }] } } } };
      return byHand(simulation, 'deployments.apps', deployment, (kubectl, { namespace, name }) =>
        kubectl.patch(DEPLOYMENTS, namespace, name, patch, {
          type: 'application/strategic-merge-patch+json',
        }),
      );
    },
  },
  {
    name: 'kubectl delete deployment',
    scene: 'deployments',
    weight: 3,
    fault: true,
    run(simulation) {
      const deployment = anyOf<Deployment>(simulation, 'deployments.apps');
      if (!deployment) return undefined;
      return byHand(simulation, 'deployments.apps', deployment, (kubectl, { namespace, name }) =>
        kubectl.delete(DEPLOYMENTS, namespace, name),
      );
    },
  },
  {
    name: 'kubectl delete pod',
    weight: 6,
    fault: true,
    run(simulation) {
      const pod = anyOf<Pod>(simulation, 'pods');
      if (!pod) return undefined;
      const forced = chance(simulation.rng, 0.2);
      const options = forced ? { gracePeriodSeconds: 0 } : {};
      if (forced) simulation.forced.add(pod.metadata.uid ?? '');
      return byHand(simulation, 'pods', pod, (kubectl, { namespace, name }) =>
        kubectl.delete(resources.pods, namespace, name, options),
      );
    },
  },
  {
    name: 'kubectl cordon',
    weight: 2,
    fault: true,
    run: (simulation) => patchNode(simulation, { spec: { unschedulable: true } }),
  },
  {
    name: 'kubectl uncordon',
    weight: 4,
    fault: true,
    run: (simulation) => patchNode(simulation, { spec: { unschedulable: null } }),
  },
  {
    name: 'crash a container',
    weight: 10,
    fault: true,
    run(simulation) {
      const { rng, world } = simulation;
      const running = world.nodes.flatMap(({ name, engine }) =>
        engine
          .snapshot()
          .filter(({ phase }) => phase === 'running')
          .map(({ id, labels }) => ({ name, engine, id, labels })),
      );
      if (running.length === 0) return undefined;
      const { name, engine, id, labels } = pick(rng, running);
      const oom = chance(rng, 0.3);
      engine.crash(id, oom ? 137 : pick(rng, [0, 1, 2]), oom);
      return `${labels[labelKeys.podName] ?? ''} on ${name}`;
    },
  },
  {
    name: 'restart an agent',
    weight: 6,
    fault: true,
    run(simulation) {
      const node = anyNode(simulation);
      simulation.background('restart', node.restart());
      return node.name;
    },
  },
  {
    name: 'reboot a node',
    weight: 2,
    fault: true,
    run(simulation) {
      const node = anyNode(simulation);
      node.engine.reboot();
      return node.name;
    },
  },
  {
    name: 'cut a node off',
    weight: 4,
    fault: true,
    run(simulation) {
      const node = anyNode(simulation);
      node.partitioned = true;
      return node.name;
    },
  },
  {
    name: 'join a node again',
    weight: 5,
    fault: true,
    run(simulation) {
      const node = anyNode(simulation);
      node.partitioned = false;
      return node.name;
    },
  },
  {
    name: 'let the engine fail',
    weight: 8,
    fault: true,
    run(simulation) {
      const { rng } = simulation;
      const node = anyNode(simulation);
      const operation = pick(rng, [
        'create',
        'start',
        'stop',
        'remove',
        'list',
        'inspect',
        'pullImage',
        'info',
      ] as const);
      const code = pick(rng, ['transient', 'unavailable'] as const);
      const afterEffect = chance(rng, 0.5);
      for (let times = upTo(rng, 2); times >= 0; times -= 1)
        node.engine.failNext(operation, code, { afterEffect });
      return `${operation} on ${node.name}: ${code}${afterEffect ? ', after the effect' : ''}`;
    },
  },
  {
    name: 'lose engine events',
    weight: 3,
    fault: true,
    run(simulation) {
      const node = anyNode(simulation);
      node.engine.interruptEvents();
      simulation.world.clock.setTimer(() => node.engine.resumeEvents(), 20_000 * simulation.rng.next());
      return node.name;
    },
  },
  {
    name: 'lose and double jobs',
    weight: 4,
    fault: true,
    run(simulation) {
      const share = pick(simulation.rng, [0, 0.2, 0.5, 1]);
      simulation.world.controlPlane.setQueueFaults(share);
      return String(share);
    },
  },
  {
    name: 'let Git fail',
    weight: 3,
    fault: true,
    run(simulation) {
      const { world, rng } = simulation;
      world.repository.failFetch(new TransientError('Cannot fetch: connection refused'));
      world.clock.setTimer(() => world.repository.failFetch(undefined), 60_000 * rng.next());
      return undefined;
    },
  },
  {
    name: 'restart the control plane',
    weight: 5,
    fault: true,
    run: (simulation) => restartControlPlane(simulation, 'stop'),
  },
  {
    name: 'kill the control plane',
    weight: 4,
    fault: true,
    run: (simulation) => restartControlPlane(simulation, 'kill'),
  },
  {
    name: 'lose the store',
    weight: 2,
    fault: true,
    run({ world }) {
      world.wipe();
      return undefined;
    },
  },
];

/** The forge tells, mostly; the poll finds the rest. */
export function hook({ rng, world }: Simulation): void {
  if (chance(rng, 0.7)) world.controlPlane.refresh();
}

export function anyNode({ world, rng }: Simulation): SimNode {
  return pick(rng, world.nodes);
}

export function anyOf<T extends KubeObject>({ world, rng }: Simulation, resource: string): T | undefined {
  const objects = [...world.ledger.objects(resource)].sort(([a], [b]) => (a < b ? -1 : 1));
  return objects.length === 0 ? undefined : (pick(rng, objects)[1] as unknown as T);
}

export function byHand(
  simulation: Simulation,
  resource: string,
  { metadata }: KubeObject,
  work: (
    kubectl: NonNullable<ReturnType<Simulation['world']['kubectl']>>,
    at: { readonly namespace: string; readonly name: string },
  ) => Promise<unknown>,
): string {
  const { name, namespace = 'default' } = metadata;
  const kubectl = simulation.world.kubectl();
  if (!kubectl) return 'in vain: the control plane is down';
  simulation.touch(resource, `${namespace}/${name}`);
  simulation.background('kubectl', work(kubectl, { namespace, name }));
  return name;
}

function patchNode(simulation: Simulation, patch: unknown): string {
  const { name } = anyNode(simulation);
  const kubectl = simulation.world.kubectl();
  if (!kubectl) return 'in vain: the control plane is down';
  simulation.background('kubectl', kubectl.patch(resources.nodes, undefined, name, patch, MERGE));
  return name;
}

async function restartControlPlane({ world, rng }: Simulation, how: 'stop' | 'kill'): Promise<string> {
  const ended = world.controlPlane[how]();
  const awayMs = pick(rng, [1, 1_000, 15_000, 90_000]);
  await world.clock.advance(awayMs);
  void ended.then(() => world.controlPlane.start());
  return `for ${awayMs} ms`;
}

export function without<T>(record: Readonly<Record<string, T>>, name: string): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(record).filter(([other]) => other !== name));
}
