/** Holds the first pods back as `planFirstPlacement` decides, and retries when nodes change. */
import type { Clock, Timer } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Node } from '../schemas/types.ts';
import { type FirstPlacementInput, planFirstPlacement, takesPods } from './plan-first-placement.ts';
import type { Change } from './plan-retry.ts';

export interface NodeWait extends Disposable {
  /** No pod may be placed yet; `pods` of them are pending. */
  holds(pods: number): boolean;
  nodeChanged(change: Change<Node>): void;
}

export interface NodeWaitOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly expectedNodes?: readonly string[];
  nodes(): readonly Node[];
  /** Called when `holds` may have another answer. */
  retry(): void;
}

export function createNodeWait({
  clock,
  logger,
  expectedNodes = [],
  nodes,
  retry,
}: NodeWaitOptions): NodeWait {
  let startedAtMs: number | undefined;
  let arrivals: FirstPlacementInput['arrivals'];
  let isHolding = false;
  let isTold = false;
  let isOver = false;
  let timer: Timer | undefined;
  return {
    holds(pods) {
      if (isOver) return false;
      const nowMs = clock.now();
      startedAtMs ??= nowMs;
      const { type, untilMs, missing } = planFirstPlacement({
        nowMs,
        startedAtMs,
        expectedNodes,
        nodes: nodes(),
        arrivals,
      });
      timer?.cancel();
      isOver = type === 'over';
      isHolding = type === 'wait';
      // The next arrival begins a new wait.
      if (type === 'refuse') arrivals = undefined;
      if (isHolding) {
        if (!isTold && pods > 0) logger.info({ pods, ...shown(missing) }, 'The first pods wait for nodes');
        isTold ||= pods > 0;
        timer = clock.setTimer(retry, untilMs - nowMs);
      } else if (isOver && missing.length > 0) {
        logger.warn(shown(missing), 'Placing the first pods without nodes that did not come');
      }
      return isHolding;
    },
    nodeChanged({ type, object, previous }) {
      if (isOver) return;
      const nowMs = clock.now();
      const nowTakesPods = takesPods(object) && !(previous && takesPods(previous));
      const hasCome = type === 'ADDED' || (type === 'MODIFIED' && nowTakesPods);
      if (hasCome) arrivals = { firstMs: arrivals?.firstMs ?? nowMs, lastMs: nowMs };
      if (isHolding) retry();
    },
    [Symbol.dispose]() {
      timer?.cancel();
    },
  };
}

/** More names would not help a reader. */
const MAX_NAMES = 10;

const shown = (missing: readonly string[]): Readonly<Record<string, unknown>> => ({
  missing: missing.slice(0, MAX_NAMES),
  ...(missing.length > MAX_NAMES ? { missingInAll: missing.length } : {}),
});
