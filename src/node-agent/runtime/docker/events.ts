/** The Engine's events. Each stream begins with `resync`: earlier events are unknown. */
import type { GetEventsOptions } from 'dockerode';
import { anySignal, type CombinedSignal } from '../../../base/abort.ts';
import { type BackoffPolicy, backoffDelayMs } from '../../../base/backoff.ts';
import { type Clock, sleep } from '../../../base/clock.ts';
import { isRecord } from '../../../base/json.ts';
import type { Logger } from '../../../base/logger.ts';
import { labelKeys, type RuntimeEvent } from '../types.ts';
import type { Engine } from './engine.ts';
import { jsonLines } from './json-lines.ts';
import type { Ownership } from './ownership.ts';

const RECONNECT: BackoffPolicy = { initialMs: 100, maxMs: 5_000, factor: 2 };

const ACTIONS = ['start', 'die', 'oom', 'destroy'] as const;

export interface EventsOptions {
  readonly engine: Engine;
  readonly ownership: Ownership;
  readonly clock: Clock;
  readonly logger: Logger;
}

export async function* watchEvents(
  { engine, ownership, clock, logger }: EventsOptions,
  signal: AbortSignal,
): AsyncGenerator<RuntimeEvent> {
  const filters: GetEventsOptions['filters'] = {
    type: ['container'],
    event: [...ACTIONS],
    label: [...ownership.filters.label],
  };
  for (let failures = 0; !signal.aborted; ) {
    let ended: CombinedSignal | undefined;
    try {
      const source = await engine.call('follow events', ({ abortSignal }) => {
        ended = anySignal(abortSignal, signal);
        return engine.docker.getEvents({ filters, abortSignal: ended });
      });
      failures = 0;
      yield { type: 'resync' };
      for await (const line of jsonLines(source as AsyncIterable<Buffer>)) {
        const event = toEvent(line);
        if (event) yield event;
      }
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      logger.debug({ error }, 'event stream of the engine ended');
    } finally {
      ended?.[Symbol.dispose]();
    }
    if (signal.aborted) return;
    await sleep(clock, backoffDelayMs(RECONNECT, failures), signal);
  }
}

function toEvent(line: unknown): RuntimeEvent | undefined {
  if (!isRecord(line) || !isRecord(line['Actor'])) return undefined;
  const action = ACTIONS.find((name) => name === line['Action']);
  const id = line['Actor']['ID'];
  const attributes = line['Actor']['Attributes'];
  if (action === undefined || typeof id !== 'string' || !isRecord(attributes)) return undefined;
  const labels: Record<string, string> = {};
  for (const key of Object.values(labelKeys)) {
    const value = attributes[key];
    if (typeof value === 'string') labels[key] = value;
  }
  return { type: 'container', id, labels, action };
}
