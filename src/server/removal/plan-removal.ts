/**
 * The Docker Engines that `symphony down` visits; pure. An Engine is known by its id: another one
 * at the address knows nothing of the containers, and the recorded one may have moved.
 */
import type { EngineIdentity } from '../../node-agent/runtime/docker/read-engine.ts';
import type { RecordedEngine } from './engine-record.ts';

export interface NodeToRemove {
  readonly nodeName: string;
  readonly directory: string;
  /** False for a node of a release without records: its Engines are a guess. */
  readonly isRecorded: boolean;
  readonly engines: readonly RecordedEngine[];
}

/** Nodes of one cluster on one Engine. */
export interface Visit extends RecordedEngine {
  readonly nodes: readonly NodeToRemove[];
}

export function planVisits(nodes: readonly NodeToRemove[]): readonly Visit[] {
  const visits = new Map<string, Visit>();
  for (const node of nodes) {
    for (const engine of node.engines) {
      const key = JSON.stringify([engine.cluster, engine.dockerHost, engine.engineId]);
      const visit = visits.get(key);
      visits.set(key, { ...engine, nodes: [...(visit?.nodes ?? []), node] });
    }
  }
  return [...visits.values()];
}

/** The Engine that answers at an address, or why none does. */
export type EngineAnswer = EngineIdentity | { readonly problem: string };

export type Whereabouts =
  | { readonly type: 'found'; readonly dockerHost: string }
  | { readonly type: 'away' | 'another'; readonly problem: string };

/** `given`: addresses of `--docker-host`, to which an Engine may have moved. */
export function locateEngine(
  visit: Visit,
  visits: readonly Visit[],
  given: readonly string[],
  answers: ReadonlyMap<string, EngineAnswer>,
): Whereabouts {
  const { dockerHost, engineId, rootDirectory } = visit;
  const own = new Set(visits.map((other) => other.dockerHost));
  for (const address of [dockerHost, ...given.filter((host) => !own.has(host))]) {
    const answer = answers.get(address);
    if (!answer || 'problem' in answer || (engineId ?? answer.engineId) !== answer.engineId) continue;
    // Another disk is believed at the recorded address only.
    if (address === dockerHost || (rootDirectory ?? answer.rootDirectory) === answer.rootDirectory)
      return { type: 'found', dockerHost: address };
  }
  const names = visit.nodes.map(({ nodeName }) => nodeName).join(', ');
  const answer = answers.get(dockerHost);
  if (answer && 'engineId' in answer) {
    return {
      type: 'another',
      problem: `Cannot remove the containers of ${names}: at ${dockerHost} answers Docker Engine ${answer.engineId}, but they are on Docker Engine ${engineId ?? ''}`,
    };
  }
  return {
    type: 'away',
    problem: `Cannot remove the containers of ${names} on the Docker Engine at ${dockerHost}: ${answer?.problem ?? 'it was not asked'}`,
  };
}
