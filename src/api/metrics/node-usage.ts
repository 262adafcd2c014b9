/**
 * The containers' usage as the agents report it over their tunnels. Answers are kept for a short
 * time: a dashboard that refreshes every second asks each node every ten. A node without a good
 * answer in time is left out.
 */
import { createAbort } from '../../base/abort.ts';
import type { Clock } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import { isRecord } from '../../base/json.ts';
import type { Logger } from '../../base/logger.ts';
import { createSlots } from '../../base/slots.ts';
import type { ContainerUsage } from '../../schemas/container-usage.ts';
import type { Tunnels } from '../tunnel.ts';

export interface NodeUsage {
  /** When the node was asked. */
  readonly askedAtMs: number;
  readonly containers: readonly ContainerUsage[];
}

export interface NodeUsages {
  /** By node; those that have no answer are missing. */
  of(nodes: readonly string[]): Promise<ReadonlyMap<string, NodeUsage>>;
}

export interface NodeUsagesOptions {
  readonly tunnels: Pick<Tunnels, 'request' | 'nodes'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** As long as metrics-server's default resolution allows. */
const REUSE_MS = 10_000;
/** An agent reads new containers twice, a second apart; clients should not wait much longer. */
const ANSWER_TIMEOUT_MS = 5_000;
/** Nodes that are asked at the same time. */
const CONCURRENCY = 64;
/** Some thousand containers; a node has a few hundred at most. */
const MAX_ANSWER_BYTES = 1024 * 1024;

export function createNodeUsages({ tunnels, clock, logger }: NodeUsagesOptions): NodeUsages {
  const answers = new Map<string, NodeUsage>();
  const asking = new Map<string, Promise<NodeUsage | undefined>>();
  const slots = createSlots(CONCURRENCY);

  async function fetchUsage(node: string): Promise<NodeUsage | undefined> {
    const abort = createAbort();
    const timer = clock.setTimer(() => abort.abort(), ANSWER_TIMEOUT_MS);
    try {
      const request = { node, method: 'GET', path: '/usage', signal: abort.signal } as const;
      const { status, stream } = await tunnels.request(request);
      const parts: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > MAX_ANSWER_BYTES) throw new Error(`its answer is longer than ${MAX_ANSWER_BYTES} bytes`);
        parts.push(chunk);
      }
      if (status !== 200) throw new Error(`it answered with ${status}`);
      const containers = parseUsage(JSON.parse(Buffer.concat(parts).toString('utf8')));
      const usage = { askedAtMs: clock.now(), containers };
      answers.set(node, usage);
      return usage;
    } catch (error) {
      logger.debug({ node, error: errorMessage(error) }, 'A node does not tell what it uses');
      answers.delete(node);
      return undefined;
    } finally {
      timer.cancel();
    }
  }

  function usageOf(node: string): Promise<NodeUsage | undefined> {
    const known = answers.get(node);
    if (known && clock.now() - known.askedAtMs < REUSE_MS) return Promise.resolve(known);
    let answer = asking.get(node);
    if (!answer) {
      answer = fetchUsage(node).finally(() => asking.delete(node));
      asking.set(node, answer);
    }
    return answer;
  }

  return {
    async of(nodes) {
      for (const [node, { askedAtMs }] of answers)
        if (clock.now() - askedAtMs >= REUSE_MS) answers.delete(node);
      // Whether a node's tunnel ends here or at another server is not known before it is asked.
      const found = new Map<string, NodeUsage>();
      const ask = async (node: string): Promise<void> => {
        const usage = await slots.run(() => usageOf(node));
        if (usage) found.set(node, usage);
      };
      await Promise.all(nodes.map(ask));
      return found;
    },
  };
}

/** A node's answer is checked for its form only: numbers are finite and not negative. */
export function parseUsage(answer: unknown): readonly ContainerUsage[] {
  const list = isRecord(answer) ? answer['containers'] : undefined;
  if (!Array.isArray(list)) throw new Error('its answer is no usage');
  return list.filter(isContainerUsage);
}

const isAmount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

function isContainerUsage(value: unknown): value is ContainerUsage {
  return (
    isRecord(value) &&
    typeof value['podUid'] === 'string' &&
    typeof value['container'] === 'string' &&
    [value['atMs'], value['windowMs'], value['cpuNanoCores'], value['memoryBytes']].every(isAmount) &&
    // The last instant that a Date can hold.
    (value['atMs'] as number) <= 8.64e15
  );
}
