/**
 * The node agent: one per container engine.
 *
 * Fail static: without the control plane it goes on from its records. After its own restart it
 * takes over running containers without touching them. It handles only containers that carry our
 * cluster's and node's labels; the runtime enforces that.
 */
import { openScope, type Scope } from '../base/scope.ts';
import type { NodeAgentOptions } from './agent-options.ts';
import { connectParts } from './agent-parts.ts';
import type { PodWorker } from './pod/types.ts';
import { openTunnel } from './tunnel/keep-tunnel.ts';
import { ownRuntime } from './tunnel/own-runtime.ts';

export type { NodeAgentOptions } from './agent-options.ts';

export interface NodeAgent extends AsyncDisposable {
  /**
   * Resolves when the records are read and the loops run. Pods follow as the control plane answers.
   * A start that fails leaves nothing behind; the next try needs a new agent.
   */
  start(): Promise<void>;
  /** Resolves when the control plane shows this node's state, and when the agent is disposed. */
  readonly reported: Promise<void>;
  /** Why the control plane does not show this node as ready; undefined when it does. */
  readonly problem: string | undefined;
  /** The pod as this node has it. */
  findPod(namespace: string, name: string): PodWorker | undefined;
  readonly pods: readonly PodWorker[];
  readonly synced: boolean;
}

export function createNodeAgent(options: NodeAgentOptions): NodeAgent {
  const parts = connectParts(options);
  const { memory, network, registry, engine, podSource, volumeRemover, ownNode, reporter, stop } = parts;
  let started: Promise<AsyncDisposable> | undefined;

  /** Parts end in reverse order: new work stops coming before the workers end. */
  async function startIn(scope: Scope): Promise<object> {
    for (const part of [parts.events, parts.images, registry, reporter]) scope.use(part);
    scope.defer(() => stop.abort());
    await memory.load();
    if (memory.current.podCidr !== undefined) network.setRange(memory.current.podCidr);
    for (const record of await options.records.loadPods()) registry.add(record);
    await reporter.start();
    for (const part of [engine, ownNode, podSource, volumeRemover]) scope.use(part).start();
    const { tunnel: connection } = options;
    const runtime = ownRuntime(options.runtime, registry.owns);
    const networkProblem = (): string | undefined => network.problem;
    const listener = { onHeard: reporter.setTunnel, onLease: reporter.setRenewed };
    if (options.signs) scope.use(options.signs(listener));
    if (connection)
      scope.use(
        openTunnel({
          ...{ ...parts.common, connection, runtime, findPod: registry.find, networkProblem },
          archives: {
            ...{ volumes: options.volumes, isActive: registry.isActive },
            canChown: process.getuid?.() === 0,
          },
          node: { nodeName: options.nodeName, pods: registry.workers, network: options.networkView },
          ...listener,
        }),
      );
    return {};
  }

  return {
    async start() {
      await (started ??= openScope(startIn));
    },
    reported: reporter.reported,
    get problem() {
      return ownNode.problem;
    },
    findPod: registry.find,
    get pods() {
      return registry.workers();
    },
    get synced() {
      return registry.listed && podSource.synced;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      // An agent that never ran has nothing to end, but somebody may wait for its report.
      const running = (await started?.catch(() => undefined)) ?? reporter;
      await running[Symbol.asyncDispose]();
    },
  };
}
