/** The containers of one pod, with all that looks after them: records, starts, probes, stops, last words. Decides nothing. */
import type { Logger } from '../../base/logger.ts';
import type { MadeContainers } from '../ports.ts';
import { type ContainerRecord, labelKeys } from '../runtime/types.ts';
import { type ContainerRecords, createContainerRecords } from './container-records.ts';
import { type ContainerStarts, createContainerStarts } from './container-starts.ts';
import { createLastWords, type LastWords } from './last-words.ts';
import { createOwnContainers, type OwnContainers } from './own-containers.ts';
import { backOffEvent, planRestart, restartPolicyOf } from './plan-restart.ts';
import { createPodProbes, type PodProbes } from './pod-probes.ts';
import type { PodState } from './pod-state.ts';
import { createPodStops, type PodStops } from './pod-stops.ts';
import { attemptsOf, containersOf, type TellPodEvent } from './pod-view.ts';
import type { PodWorkerContext } from './types.ts';

export interface PodContainersOptions {
  readonly context: PodWorkerContext;
  readonly state: PodState;
  /** Containers that were written down before; undefined when nothing was, ever. */
  readonly made: MadeContainers | undefined;
  readonly logger: Logger;
  readonly event: TellPodEvent;
  save(durable: boolean): Promise<void>;
  /** Something may have changed. */
  wake(): void;
}

export interface PodContainers {
  readonly own: OwnContainers;
  readonly records: ContainerRecords;
  readonly starts: ContainerStarts;
  readonly probes: PodProbes;
  readonly stops: PodStops;
  readonly lastWords: LastWords;
}

export function createPodContainers(options: PodContainersOptions): PodContainers {
  const { context, state, logger, event, save, wake } = options;
  const { runtime, clock, resources } = context;
  const current = (): Pick<PodState, 'pod' | 'ip'> => ({ pod: state.pod, ip: state.ip });
  const lastWords = createLastWords({ runtime, resources, clock, wake });
  const own = createOwnContainers({
    made: options.made,
    newMark: () => context.rng.uuid(),
    save,
    onForeign({ id, name }) {
      const message = `Container ${id} (${name}) has the labels of this pod, but this node did not make it; it is left alone`;
      logger.warn({ container: id, name }, 'A container that this node did not make has the labels of a pod');
      event(undefined, 'Warning', 'UnknownContainer', message);
    },
  });
  const records = createContainerRecords({
    clock,
    onEnded,
    onGone(id) {
      own.forget(id);
      starts.forget(id);
      lastWords.forget(id);
    },
    onChange: wake,
  });
  const starts = createContainerStarts({
    runtime,
    resources,
    images: context.images,
    runHook: context.runHook,
    event,
    own,
    find: (name) => records.all.find((record) => record.name === name),
    current,
    refresh,
  });
  const probes = createPodProbes({
    clock,
    run: (item, containerId, kind, timeoutMs) =>
      context.runProbe({ ...current(), container: item.container, containerId, kind, timeoutMs }),
    onTrouble(item, kind, { success, isError, message }) {
      const bad = isError === true ? 'errored and resulted in unknown state' : 'failed';
      const what = `${kind} probe ${success ? 'warning' : bad}: ${message}`;
      event(item, 'Warning', success ? 'ProbeWarning' : 'Unhealthy', what);
    },
    onChange: wake,
    reported: (name) =>
      [...(state.status?.initContainerStatuses ?? []), ...(state.status?.containerStatuses ?? [])].find(
        (entry) => entry.name === name,
      ),
  });
  const stops = createPodStops({
    runtime,
    clock,
    logger,
    preStop: (item, containerId, timeoutMs) =>
      context.runHook({ ...current(), container: item.container, containerId, hook: 'preStop', timeoutMs }),
    event,
    willRestart: (item) => restartPolicyOf(state.pod, item) !== 'Never',
    refresh,
    wake,
  });

  async function refresh(id: string): Promise<ContainerRecord | undefined> {
    const record = await runtime.inspect(id);
    if (record) records.observe(record);
    else records.observeGone(id);
    return records.get(id);
  }

  /** Asks for the last words, and says so when the next attempt has to wait. */
  function onEnded(record: ContainerRecord): void {
    const { pod, endingSinceMs } = state;
    const name = record.labels[labelKeys.containerName] ?? '';
    const item = containersOf(pod).find((candidate) => candidate.container.name === name);
    const ended = attemptsOf([record], name)[0];
    if (!item || !ended) return;
    const mustWait = planRestart(ended).delayMs > 0 && restartPolicyOf(pod, item) !== 'Never';
    if (mustWait && endingSinceMs === undefined)
      event(item, 'Warning', 'BackOff', backOffEvent(pod, item.container));
    lastWords.read(pod, item, ended);
  }

  return { own, records, starts, probes, stops, lastWords };
}
