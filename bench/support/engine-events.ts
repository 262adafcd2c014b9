/** The Engine's own account of what happened to one cluster's containers, with its time stamps. */
import type Docker from 'dockerode';
import { labelKeys } from '../../src/node-agent/runtime/types.ts';

export interface EngineEvent {
  readonly action: string;
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** By the Engine's clock, in milliseconds with fractions. */
  readonly atMs: number;
}

export interface EngineEvents extends Disposable {
  readonly seen: readonly EngineEvent[];
  /** Resolves when the events seen since the last `forget` fulfil the condition. */
  until(holds: (seen: readonly EngineEvent[]) => boolean): Promise<void>;
  forget(): void;
}

const WAIT_TIMEOUT_MS = 120_000;
const NANOSECONDS_PER_MS = 1_000_000;

export async function followEngine(docker: Docker, label: string): Promise<EngineEvents> {
  const abort = new AbortController();
  const stream = await docker.getEvents({
    filters: { type: ['container'], label: [label] },
    abortSignal: abort.signal,
  });
  let seen: EngineEvent[] = [];
  let rest = '';
  const waiting = new Set<() => void>();
  stream.on('error', () => undefined);
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') seen.push(toEvent(line));
    for (const check of [...waiting]) check();
  });
  return {
    get seen() {
      return seen;
    },
    until(holds) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(check);
          reject(new Error(`The containers did not come this far; seen: ${seen.length} events`));
        }, WAIT_TIMEOUT_MS);
        const check = (): void => {
          if (!holds(seen)) return;
          clearTimeout(timer);
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      });
    },
    forget() {
      seen = [];
    },
    [Symbol.dispose]() {
      abort.abort();
    },
  };
}

export const clusterLabel = (cluster: string): string => `${labelKeys.cluster}=${cluster}`;

export const countOf = (seen: readonly EngineEvent[], action: string): number =>
  seen.filter((event) => event.action === action).length;

function toEvent(line: string): EngineEvent {
  const event = JSON.parse(line) as {
    Action: string;
    timeNano: number;
    Actor: { ID: string; Attributes: Record<string, string> };
  };
  return {
    action: event.Action,
    id: event.Actor.ID,
    attributes: event.Actor.Attributes,
    atMs: event.timeNano / NANOSECONDS_PER_MS,
  };
}
