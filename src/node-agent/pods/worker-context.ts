/** The context that all pod workers of a node share, made of the agent's parts. */
import type { Logger } from '../../base/logger.ts';
import type { EventRecorder } from '../../client/event-recorder.ts';
import { type ApiClient, resources } from '../../client/types.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { Pod } from '../../schemas/types.ts';
import type { NodeAgentOptions } from '../agent-options.ts';
import { createPodResources } from '../container-spec/pod-resources.ts';
import type { ImageManager } from '../images/create-image-manager.ts';
import { createImageSource } from '../images/image-source.ts';
import { WHOLE_ENGINE } from '../node/plan-share.ts';
import type { PodNetwork } from '../node/pod-network.ts';
import type { PodWorkerContext } from '../pod/types.ts';
import type { RecordPodEvent, StatusWriter } from '../ports.ts';
import { createRunHook, createRunProbe } from '../probes/handlers.ts';
import type { RuntimeInfo } from '../runtime/types.ts';

export interface WorkerParts {
  readonly client: ApiClient;
  readonly logger: Logger;
  readonly events: EventRecorder;
  readonly statuses: StatusWriter;
  readonly images: ImageManager;
  readonly network: PodNetwork;
  info(): RuntimeInfo | undefined;
  /** The engine has been listed. */
  ready(): boolean;
  /** The pod is over and everything of it is gone. */
  forget(uid: string): void;
}

export function createWorkerContext(options: NodeAgentOptions, parts: WorkerParts): PodWorkerContext {
  const { runtime, clock, rng, cluster, nodeName, nodeIp, share = WHOLE_ENGINE } = options;
  const { client, logger, events, network } = parts;
  const recordEvent: RecordPodEvent = (pod, event) => events.record({ about: pod, ...event });
  const handlers = {
    ...{ runtime, clock, hostIp: nodeIp, io: options.probeIo, decideProbe: options.decideProbe },
    networkProblem: () => network.problem,
  };
  return {
    runtime,
    clock,
    rng,
    logger,
    resources: createPodResources({
      ...{ cluster, nodeName, nodeIp, share, info: parts.info, volumes: options.volumes },
      network: options.network.name,
      clusterDomain: options.clusterDomain ?? 'cluster.local',
      recordEvent,
    }),
    images: createImageSource(parts.images, client, logger),
    addresses: network.addresses,
    hostPods: () => options.hostPods?.(),
    statuses: parts.statuses,
    hostIp: nodeIp,
    runHook: createRunHook(handlers),
    runProbe: createRunProbe(handlers),
    recordEvent,
    save: (uid, record, durable) => options.records.savePod(uid, record, durable),
    deleteObject: (pod) => deletePodObject(client, pod),
    ready: parts.ready,
    onGone(uid) {
      parts.forget(uid);
      void options.records.deletePod(uid);
    },
  };
}

/** Removes the API object, unless it is gone or its name belongs to another pod. */
async function deletePodObject(client: ApiClient, pod: Pod): Promise<void> {
  const { namespace, name, uid = '' } = pod.metadata;
  try {
    await client.delete(resources.pods, namespace, name, {
      gracePeriodSeconds: 0,
      preconditions: { uid },
    });
  } catch (error) {
    if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
  }
}
