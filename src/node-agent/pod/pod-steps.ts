/** Executes the planned steps of one pod. It decides nothing: a failed step throws or is noted. */
import { errorMessage } from '../../base/errors.ts';
import { StepProblem } from '../ports.ts';
import type { PodContainers } from './pod-containers.ts';
import type { PodAction } from './pod-step.ts';
import type { PlannedContainer } from './pod-view.ts';
import { tellAddress } from './tell-address.ts';
import type { PodPart, PodWorkerContext } from './types.ts';

export interface PodStepsOptions extends PodPart {
  readonly containers: PodContainers;
  publish(): void;
}

export interface PodSteps {
  /** Long steps under way: `volumes`, `pull`. */
  readonly busy: ReadonlySet<string>;
  execute(step: PodAction): Promise<void>;
}

/** kubelet's words. */
const SANDBOX_CHANGED = 'Pod sandbox changed, it will be killed and re-created.';

export function createPodSteps(options: PodStepsOptions): PodSteps {
  const { context, state, event } = options;
  const { starts, stops, postStart, refresh, records } = options.containers;
  const { runtime } = context;
  const busy = new Set<string>();

  const during = (name: string, work: Promise<void>): Promise<void> => {
    busy.add(name);
    return work.finally(() => busy.delete(name));
  };

  async function execute(step: PodAction): Promise<void> {
    switch (step.type) {
      case 'set-verdict':
        state.verdict = step.verdict;
        event(undefined, 'Normal', step.verdict.reason, step.verdict.message);
        return options.save();
      case 'allocate-ip':
        return allocateIp(options);
      case 'release-ip':
        return releaseIp(options);
      case 'replace-ip':
        // The pod's hosts file and variables name the address.
        Object.assign(state, { ip: undefined, volumes: 'missing' });
        return releaseIp(options);
      case 'ensure-volumes':
        return options.launch(() => during('volumes', ensureVolumes(options)));
      case 'pull-image':
        // The end of the agent cuts the pull.
        return void during('pull', pull(options, step.container)).finally(options.wake);
      case 'start-sandbox':
        if (step.attempt > 0) event(undefined, 'Normal', 'SandboxChanged', SANDBOX_CHANGED);
        await verifyAddress(options);
        return starts.startSandbox(step.attempt);
      case 'stop-sandbox':
        await runtime.stopSandbox(step.id);
        await refresh(step.id);
        return;
      case 'remove-sandbox':
        await runtime.removeSandbox(step.id);
        return records.observeGone(step.id);
      case 'start-container':
        if (step.sandbox.phase === 'vacant') await verifyAddress(options);
        return starts.startContainer(step);
      // The end of the agent does not wait for hooks and stops.
      case 'run-post-start':
        return void postStart.run(step.container, step.containerId).finally(options.wake);
      case 'run-pre-stop':
        return void stops.runPreStop(step).finally(options.wake);
      case 'stop-container':
        return void stops.stop(step).finally(options.wake);
      case 'kill-container':
        return stops.kill(step);
      case 'remove-container':
        await runtime.remove(step.record.id);
        return records.observeGone(step.record.id);
      case 'write-final-status':
        return writeFinalStatus(options);
      case 'tear-down':
        return tearDown(options);
    }
  }

  return { busy, execute };
}

async function allocateIp({ context, state, save }: PodStepsOptions): Promise<void> {
  const { addresses } = context;
  const address = addresses.allocate(state.uid);
  await addresses.verify(address);
  state.ip = address;
  state.holdsIp = true;
  tellAddress(context, state);
  return save();
}

async function releaseIp({ context, state, save }: PodStepsOptions): Promise<void> {
  state.holdsIp = false;
  // A record that still named the address would claim it again after a restart.
  await save();
  giveAddressBack(context, state.uid);
}

/**
 * The address must lead to the pod's network, also when the pod gets its network anew, and the
 * network must be ready for the pod.
 */
async function verifyAddress({ context, state }: PodStepsOptions): Promise<void> {
  if (state.pod.spec.hostNetwork === true || state.ip === undefined) return;
  await context.addresses.verify(state.ip);
  try {
    await context.hostPods()?.prepare(state.ip);
  } catch (error) {
    throw new StepProblem('FailedCreatePodSandBox', errorMessage(error), { cause: error });
  }
}

function giveAddressBack({ addresses, hostPods }: PodWorkerContext, uid: string): void {
  // Nothing of this pod may hold for the next one that gets the address.
  hostPods()?.delete(uid);
  addresses.release(uid);
}

async function ensureVolumes({ context, state, problems }: PodStepsOptions): Promise<void> {
  const step = 'ensure-volumes';
  try {
    await context.resources.ensureVolumes(state.pod, state.ip);
    state.volumes = 'ready';
    problems.over('', step);
  } catch (error) {
    problems.fail(step, '', error);
  }
}

async function pull({ containers, state, problems }: PodStepsOptions, item: PlannedContainer): Promise<void> {
  const { name } = item.container;
  try {
    problems.notePull(name, await containers.images.pull(state.pod, item));
  } catch (error) {
    problems.fail('pull-image', name, error);
  }
}

async function writeFinalStatus({ context, state, containers, publish }: PodStepsOptions): Promise<void> {
  await containers.lastWords.settled();
  publish();
  await context.statuses.flush(state.uid);
  state.finalStatusWritten = true;
}

async function tearDown({ context, state, containers }: PodStepsOptions): Promise<void> {
  const { resources, statuses } = context;
  await resources.tearDown(state.pod);
  giveAddressBack(context, state.uid);
  if (!state.removed) await context.deleteObject(state.pod);
  state.gone = true;
  containers.probes.stop();
  statuses.forget(state.uid);
  context.onGone(state.uid);
}
