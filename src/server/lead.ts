/** Tries to lead until disposed, and runs everything that only the leader does whenever it does. */
import { anySignal, createAbort, untilAborted } from '../base/abort.ts';
import { hostname } from 'node:os';
import { openScope } from '../base/scope.ts';
import { nameSuffix } from '../base/rng.ts';
import { runWithLeadership } from '../store/leader.ts';
import type { Fence } from '../store/types.ts';
import type { DataDir } from './start/data-dir.ts';
import { freeLeaseOfDeadProcess } from './start/dead-leader.ts';
import { type LeaderParts, startLeaderLoops } from './leader-loops.ts';

export interface LeadParts extends LeaderParts {
  readonly dataDir: Pick<DataDir, 'read' | 'write'>;
  startReporting(): Promise<AsyncDisposable>;
}

const LEADER_LEASE = 'control-plane';
/** A leader whose machine dies is replaced after this time and one more attempt. */
const LEADER_TTL_MS = 6_000;

export function lead(parts: LeadParts): AsyncDisposable {
  const { clock, store } = parts;
  const logger = parts.logger.child({ component: 'leader' });
  const abort = createAbort();
  const holder = `${hostname()}_${process.pid}_${nameSuffix(parts.rng)}`;
  const election = { store, lease: LEADER_LEASE, holder, clock, logger };
  const running = (async () => {
    await freeLeaseOfDeadProcess({ ...election, dataDir: parts.dataDir });
    await runWithLeadership({
      ...election,
      ttlMs: LEADER_TTL_MS,
      signal: abort.signal,
      lead: (fence, signal) => leadOnce(parts, fence, signal),
    });
  })();
  running.catch((error: unknown) => logger.error({ error }, 'Cannot lead'));
  return {
    async [Symbol.asyncDispose]() {
      abort.abort();
      await running.catch(() => undefined);
    },
  };
}

/** One term. Throws when a part cannot be started; then everything that was started has ended. */
async function leadOnce(parts: LeadParts, fence: Fence, signal: AbortSignal): Promise<void> {
  const stop = createAbort();
  const ends = anySignal(signal, stop.signal);
  const term = await openScope(async (started) => {
    started.use(await startLeaderLoops(parts, fence, ends, () => stop.abort()));
    started.use(await parts.startReporting());
    return {};
  });
  await untilAborted(new Promise(() => undefined), ends).catch(() => undefined);
  await term[Symbol.asyncDispose]();
}
