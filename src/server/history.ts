/**
 * The history of the store as this control plane knows it: judged at the start (plan-start.ts), written down while it
 * runs, and watched, because a store can lose its data under a running process.
 */
import { createAbort } from '../base/abort.ts';
import { type Clock, sleep } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Rng } from '../base/rng.ts';
import type { ResourceCache } from '../store/cache.ts';
import { type ClusterState, EpochChanged, type Store } from '../store/types.ts';
import type { DataDir } from './data-dir.ts';
import { type RememberedHistory, planStart } from './plan-start.ts';

export interface HistoryWatch extends AsyncDisposable {
  /** At the start. */
  readonly phase: ClusterState['phase'];
  /** Nodes that were there when the history was last seen. */
  readonly expectedNodes: readonly string[];
  readonly lost: Promise<string>;
  /** Resolves when the store is seen to be rebuilt, whoever has done it; at once where it need not be. */
  readonly rebuilt: Promise<void>;
  reachable(): boolean;
  /** From now on the nodes of this cache are written down. */
  rememberNodes(nodes: ResourceCache): void;
}

interface HistoryRecord extends RememberedHistory {
  readonly nodes: readonly string[];
}

const FILE = 'history.json';
/** Lost data is noticed this fast; one small read of Redis each time. */
const CHECK_INTERVAL_MS = 1_000;
/** What is remembered may be this much behind: an older version than remembered is what gives a restored backup away. */
const REMEMBER_INTERVAL_MS = 5_000;

export async function openHistory(options: {
  readonly store: Store;
  readonly dataDir: DataDir;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
}): Promise<HistoryWatch> {
  const { store, dataDir, clock, rng } = options;
  const logger = options.logger.child({ component: 'history' });
  const remembered = parseRecord(await dataDir.read(FILE));
  const found = await store.clusterState();
  const version = found ? (await store.versions('nodes')).store : '0';
  const plan = planStart({ state: found, version }, remembered, rng.uuid());
  if (plan.action === 'rebuild')
    logger.warn({ why: plan.why }, 'The store must be rebuilt; nothing is stopped until it is');
  if (plan.state !== found && !(await store.setClusterState(plan.state, found))) {
    throw new EpochChanged(
      'Cannot take over the store: another control plane changed its state at the same time',
    );
  }
  const { epoch } = plan.state;
  let nodes: ResourceCache | undefined;
  let reachable = true;
  let written = '';
  const abort = createAbort();
  let noteRebuilt = (): void => undefined;
  const rebuilt = new Promise<void>((resolve) => {
    noteRebuilt = resolve;
  });

  async function remember(): Promise<void> {
    await write({ version: (await store.versions('nodes')).store });
  }

  async function write(seen: Pick<HistoryRecord, 'version' | 'lost'>): Promise<void> {
    const present = nodes?.list().map((node) => node.metadata.name) ?? remembered?.nodes ?? [];
    const record: HistoryRecord = { epoch, ...seen, nodes: [...present].sort() };
    const text = `${JSON.stringify(record)}\n`;
    if (text !== written) await dataDir.write(FILE, text);
    written = text;
  }

  async function watch(): Promise<string> {
    let rememberedAt = Number.NEGATIVE_INFINITY;
    while (!abort.signal.aborted) {
      try {
        const state = await store.clusterState();
        if (state?.epoch !== epoch) return state ? 'the store holds another history' : 'the store is empty';
        reachable = true;
        if (state.phase === 'normal') noteRebuilt();
        // Also refuses data that is behind what this process has seen.
        await store.versions('nodes');
        if (clock.now() - rememberedAt >= REMEMBER_INTERVAL_MS) {
          await remember();
          rememberedAt = clock.now();
        }
      } catch (error) {
        if (error instanceof EpochChanged) {
          // The data may be newer than what was last written down, and yet lack what this process has seen.
          await write({ version: '0', lost: true });
          return error.message;
        }
        if (reachable) logger.warn({ error: errorMessage(error) }, 'The store does not answer');
        reachable = false;
      }
      await sleep(clock, CHECK_INTERVAL_MS, abort.signal);
    }
    return new Promise(() => undefined);
  }

  await remember();
  return {
    phase: plan.state.phase,
    expectedNodes: remembered?.nodes ?? [],
    lost: watch(),
    rebuilt,
    reachable: () => reachable,
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
  if (text === undefined) return undefined;
  try {
    const { epoch, version, nodes, lost } = JSON.parse(text) as Partial<HistoryRecord>;
    if (typeof epoch !== 'string' || typeof version !== 'string' || !/^\d+$/.test(version)) return undefined;
    return { epoch, version, nodes: Array.isArray(nodes) ? nodes : [], ...(lost === true ? { lost } : {}) };
  } catch {
    return undefined;
  }
}
