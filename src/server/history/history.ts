/**
 * The history of the store as this control plane knows it: judged at the start (plan-start.ts),
 * written down, and watched, as a store can lose its data under a running process.
 */
import { createAbort } from '../../base/abort.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import { parsedJson } from '../../base/json.ts';
import type { Logger } from '../../base/logger.ts';
import type { Rng } from '../../base/rng.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';
import { type ClusterState, EpochChanged, type Store, StoreUnavailable } from '../../store/types.ts';
import type { DataDir } from '../start/data-dir.ts';
import { type RememberedHistory, planStart } from '../start/plan-start.ts';

export interface HistoryWatch extends AsyncDisposable {
  /** At the start. */
  readonly phase: ClusterState['phase'];
  /** Nodes when the history was last seen; undefined where this control plane saw none. */
  readonly expectedNodes: readonly string[] | undefined;
  readonly lost: Promise<string>;
  /** Resolves when the store is rebuilt, by anybody; at once where it need not be. */
  readonly rebuilt: Promise<void>;
  /** Why the store cannot serve now (no answer, no writes); undefined while it can. */
  problem(): string | undefined;
  /** From now on the nodes of this cache are written down. */
  rememberNodes(nodes: ResourceCache): void;
}

interface HistoryRecord extends RememberedHistory {
  /** Absent until this control plane has seen the nodes of a healthy store. */
  readonly nodes?: readonly string[];
}

const FILE = 'history.json';
/** Lost data is noticed this fast; one small read of Redis each time. */
const CHECK_INTERVAL_MS = 1_000;
/** The memory may lag this much. An older version than remembered betrays a restored backup. */
const REMEMBER_INTERVAL_MS = 5_000;
/** Refused writes are noticed this fast, by a small write where no lease is renewed. */
const PROBE_INTERVAL_MS = 2_000;
/** Every control plane renews this lease, which gives nobody anything. */
const PROBE_LEASE = 'write-probe';
const PROBE_TTL_MS = 10_000;

export async function openHistory(options: {
  readonly store: Store;
  readonly dataDir: DataDir;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  /** See plan-start.ts. */
  readonly agentsMayExist: boolean;
}): Promise<HistoryWatch> {
  const { store, dataDir, clock, rng, agentsMayExist } = options;
  const logger = options.logger.child({ component: 'history' });
  const remembered = parseRecord(await dataDir.read(FILE));
  const found = await store.clusterState();
  const version = found ? (await store.versions('nodes')).store : '0';
  const plan = planStart({ state: found, version, agentsMayExist }, remembered, rng.uuid());
  if (plan.action === 'rebuild')
    logger.warn({ why: plan.why }, 'The store must be rebuilt; nothing is stopped until it is');
  if (plan.state !== found && !(await store.setClusterState(plan.state, found))) {
    throw new EpochChanged(
      'Cannot take over the store: another control plane changed its state at the same time',
    );
  }
  const { epoch } = plan.state;
  let nodes: ResourceCache | undefined;
  let problem: string | undefined;
  let written = '';
  const abort = createAbort();
  let noteRebuilt = (): void => undefined;
  const rebuilt = new Promise<void>((resolve) => {
    noteRebuilt = resolve;
  });

  /** A full disk must not end the control plane: it only remembers less. */
  async function write(seen: Pick<HistoryRecord, 'version' | 'lost'>): Promise<void> {
    const present = nodes?.list().map((node) => node.metadata.name) ?? remembered?.nodes;
    const record: HistoryRecord = { epoch, ...seen, ...(present ? { nodes: [...present].sort() } : {}) };
    const text = `${JSON.stringify(record)}\n`;
    if (text === written) return;
    try {
      await dataDir.write(FILE, text);
      written = text;
    } catch (error) {
      logger.error({ error: errorMessage(error) }, 'Cannot write down the history of the store');
    }
  }

  function note(next: string | undefined): void {
    if (problem === undefined && next !== undefined) logger.error({ error: next }, 'The store cannot serve');
    problem = next;
  }

  /** Also true when the clock was set back meanwhile. */
  const isPast = (sinceMs: number, intervalMs: number): boolean =>
    Math.abs(clock.now() - sinceMs) >= intervalMs;

  /** A store that is full, or a replica, answers every read and refuses every write. */
  async function probeWrites(): Promise<void> {
    if (problem !== undefined || isPast(store.leasedAtMs, PROBE_INTERVAL_MS))
      await store.acquireLease(PROBE_LEASE, PROBE_LEASE, PROBE_TTL_MS);
    note(undefined);
  }

  async function watch(): Promise<string> {
    let rememberedAt = Number.NEGATIVE_INFINITY;
    while (!abort.signal.aborted) {
      try {
        // Also refuses data that is behind what this process has seen.
        const state = await store.checkState();
        if (state?.epoch !== epoch) return state ? 'the store holds another history' : 'the store is empty';
        if (state.phase === 'normal') noteRebuilt();
        if (isPast(rememberedAt, REMEMBER_INTERVAL_MS)) {
          await write({ version: state.version });
          rememberedAt = clock.now();
        }
        await probeWrites();
      } catch (error) {
        if (error instanceof EpochChanged) {
          // It may be newer than what was written down, and yet lack what was seen.
          await write({ version: '0', lost: true });
          return error.message;
        }
        const isReadOnly = error instanceof StoreUnavailable && error.isReadOnly;
        note(
          `${isReadOnly ? 'the store takes no writes' : 'the store does not answer'}: ${errorMessage(error)}`,
        );
      }
      await sleep(clock, CHECK_INTERVAL_MS, abort.signal);
    }
    return new Promise(() => undefined);
  }

  await write({ version: (await store.versions('nodes')).store });
  return {
    phase: plan.state.phase,
    expectedNodes: remembered?.nodes,
    lost: watch(),
    rebuilt,
    problem: () => problem,
    rememberNodes(cache) {
      nodes = cache;
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
    },
  };
}

/** A damaged file is no reason not to start: it is as if nothing had been remembered. */
function parseRecord(text: string | undefined): HistoryRecord | undefined {
  const { epoch, version, nodes, lost } = (parsedJson(text ?? '') ?? {}) as Partial<HistoryRecord>;
  if (typeof epoch !== 'string' || typeof version !== 'string' || !/^\d+$/.test(version)) return undefined;
  return { epoch, version, ...(Array.isArray(nodes) ? { nodes } : {}), ...(lost === true ? { lost } : {}) };
}
