/** Explains why a container does not run or is not ready, from its status and its events. Pure. */
import { counted } from '../base/text.ts';
import { numberAt, recordAt, textAt, timeAt } from './fields.ts';
import { lastLine, messageLine } from './message-line.ts';
import { isStuck } from './pod.ts';
import { type Cause, KILLING, type Warning } from './types.ts';

type ContainerStatus = Record<string, unknown>;
type Ended = Record<string, unknown>;

/** kubelet forgets a container's failures after this time; from then on they explain nothing. */
const CRASH_FORGOTTEN_MS = 600_000;
/** Containers have the engine's times, events the agent's, in whole seconds. */
const SLACK_MS = 2_000;

/**
 * kubelet's message while it waits: the failure of the last pull is the cause. Another message per
 * attempt would post the status anew each time.
 */
const PULL_BACK_OFF = /^Back-off pulling image "[^"]*": (\w+: .+)$/s;

/** `what` is `container` or `init container`. Undefined where the container has not failed. */
export function explainContainer(
  container: ContainerStatus,
  what: string,
  all: readonly Warning[],
): Cause | undefined {
  const name = textAt(container, 'name');
  const warnings = all.filter((warning) => warning.container === name);
  const state = recordAt(container, 'state');
  const waiting = recordAt(state, 'waiting');
  const reason = textAt(waiting, 'reason');
  const ended = recordAt(state, 'terminated');
  const before = recordAt(recordAt(container, 'lastState'), 'terminated');
  const failed = (end: Ended): Cause => ({
    severity: 'failing',
    text: `${what} ${name}${endText(container, end, warnings)}`,
  });
  if (ended) return hasFailed(ended, warnings) ? failed(ended) : undefined;
  if (before && reason === 'CrashLoopBackOff') return failed(before);
  if (before && container['ready'] !== true && hasFailed(before, warnings) && !hasRecovered(state, warnings))
    return failed(before);
  if (!isStuck(reason)) return undefined;
  const newest = warnings.find((warning) => warning.reason !== KILLING);
  const message = messageLine(textAt(waiting, 'message') || (newest?.message ?? ''));
  const [, failure] = PULL_BACK_OFF.exec(message) ?? [];
  const why = failure ?? `${reason}${message === '' ? '' : `: ${message}`}`;
  const image = textAt(container, 'image');
  // The Engine's failure often names the registry only.
  const told = !reason.includes('Image') || image === '' || why.includes(image);
  const text = `${what} ${name} cannot start: ${told ? '' : `image "${image}": `}${why}`;
  return { severity: 'failing', text };
}

/** A container that runs and is not ready. */
export function explainUnready(container: ContainerStatus, warnings: readonly Warning[]): Cause | undefined {
  const running = recordAt(recordAt(container, 'state'), 'running');
  if (!running || container['ready'] === true) return undefined;
  const name = textAt(container, 'name');
  const probe = warnings.find(
    (warning) =>
      warning.container === name &&
      /^(?:Readiness|Startup) probe/.test(warning.message) &&
      warning.lastMs >= timeAt(running, 'startedAt') - SLACK_MS,
  );
  return probe
    ? { severity: 'waiting', text: `container ${name} is not ready: ${messageLine(probe.message)}` }
    : { severity: 'waiting', text: `container ${name} is not ready`, vague: true };
}

const hasFailed = (end: Ended, warnings: readonly Warning[]): boolean =>
  numberAt(end, 'exitCode') !== 0 || killerOf(end, warnings) !== undefined;

/** The present attempt has run so long that the previous one no longer explains the unreadiness. */
function hasRecovered(state: unknown, warnings: readonly Warning[]): boolean {
  const running = recordAt(state, 'running');
  if (!running) return false;
  const startedMs = timeAt(running, 'startedAt');
  return warnings.some(({ lastMs }) => lastMs - startedMs >= CRASH_FORGOTTEN_MS);
}

/** ` exited 137 (OOMKilled)`, with its last line; a probe or hook that killed it comes first. */
function endText(container: ContainerStatus, end: Ended, warnings: readonly Warning[]): string {
  const killer = killerOf(end, warnings);
  if (killer) {
    const restarts = numberAt(container, 'restartCount');
    return `: ${messageLine(killer.message)}${restarts === 0 ? '' : `, restarted ${counted(restarts, 'time')}`}`;
  }
  const reason = textAt(end, 'reason');
  const named = reason === '' || reason === 'Error' || reason === 'Completed' ? '' : ` (${reason})`;
  const message = lastLine(textAt(end, 'message'));
  return ` exited ${numberAt(end, 'exitCode')}${named}${message === '' ? '' : `: ${message}`}`;
}

/** Exit codes of a program that was asked to stop: success, SIGTERM, SIGKILL. */
const STOPPED: ReadonlySet<number> = new Set([0, 137, 143]);

/** The event with kubelet's reason to kill this attempt; undefined if it ended by itself. */
function killerOf(end: Ended, warnings: readonly Warning[]): Warning | undefined {
  if (textAt(end, 'reason') === 'OOMKilled') return undefined;
  const [startedMs, endedMs] = [timeAt(end, 'startedAt'), timeAt(end, 'finishedAt') + SLACK_MS];
  // The attempt before may have been killed a moment earlier.
  const killing = warnings.find(
    ({ reason, firstMs, lastMs }) => reason === KILLING && firstMs <= endedMs && lastMs >= startedMs,
  );
  // Not every repeated event is written: the probe's last message holds for this attempt, too.
  if (killing) return warnings.find((warning) => isKiller(warning, killing.message)) ?? killing;
  if (!STOPPED.has(numberAt(end, 'exitCode'))) return undefined;
  return warnings.find(
    (warning) => isKiller(warning) && warning.firstMs <= endedMs && warning.lastMs >= startedMs - SLACK_MS,
  );
}

/** The warning is of a kind that kills containers; of the kind that `killing` names, if given. */
function isKiller({ reason, message }: Warning, killing?: string): boolean {
  const named = /failed (\w+) probe/.exec(killing ?? '')?.[1];
  const probe = /^(Liveness|Startup) probe/.exec(message)?.[1];
  if (killing === undefined) return reason === 'FailedPostStartHook' || probe !== undefined;
  return named === undefined ? reason === 'FailedPostStartHook' : probe?.toLowerCase() === named;
}
