/** One container of the fake engine: its state, its log and what its program does. */
import { type AsyncQueue, createAsyncQueue } from '../../../base/async-queue.ts';
import type { PlacedContainer } from '../docker/placed-container.ts';
import type { ContainerRecord } from '../types.ts';

/** A container's main process. The container's specification alone decides it. */
export interface FakeProgram {
  /** Runs until stopped when absent. */
  readonly exitAfterMs?: number;
  readonly exitCode?: number;
  readonly output?: readonly string[];
  /** Only SIGKILL ends it. */
  readonly ignoresTerm?: boolean;
  /** Exit code on SIGTERM; 143 when absent. */
  readonly exitCodeOnTerm?: number;
  /** How long it takes to end after SIGTERM. */
  readonly termDelayMs?: number;
  /** The start itself fails with this text, as for a command that does not exist. */
  readonly startError?: string;
}

export interface LogEntry {
  readonly atMs: number;
  readonly line: string;
}

export interface FakeContainer {
  readonly id: string;
  readonly spec: PlacedContainer;
  readonly imageId: string;
  readonly program: FakeProgram;
  readonly createdAtMs: number;
  phase: ContainerRecord['phase'];
  startedAtMs?: number;
  finishedAtMs?: number;
  exitCode?: number;
  oomKilled: boolean;
  error?: string;
  healthy: boolean;
  readonly log: LogEntry[];
  readonly followers: Set<AsyncQueue<LogEntry>>;
  /** Called once when the process ends. */
  readonly endings: Set<() => void>;
}

/** Lines kept per container, as a real engine's rotated log keeps only so much. */
const LOG_LIMIT_LINES = 1_000;

export function writeLog(container: FakeContainer, atMs: number, line: string): void {
  const entry = { atMs, line };
  container.log.push(entry);
  if (container.log.length > LOG_LIMIT_LINES) container.log.shift();
  for (const follower of container.followers) follower.push(entry);
}

export function followLog(container: FakeContainer): AsyncQueue<LogEntry> {
  const queue = createAsyncQueue<LogEntry>(LOG_LIMIT_LINES);
  container.followers.add(queue);
  return queue;
}

export function ipOf(container: FakeContainer): string | undefined {
  return container.phase === 'running' && container.spec.network.type === 'pod'
    ? container.spec.network.ip
    : undefined;
}

export function recordOf(container: FakeContainer): ContainerRecord {
  const ip = ipOf(container);
  return {
    id: container.id,
    name: container.spec.name,
    labels: container.spec.labels,
    image: container.spec.image,
    imageId: container.imageId,
    phase: container.phase,
    createdAtMs: container.createdAtMs,
    ...(container.startedAtMs === undefined ? {} : { startedAtMs: container.startedAtMs }),
    ...(container.finishedAtMs === undefined ? {} : { finishedAtMs: container.finishedAtMs }),
    ...(container.exitCode === undefined ? {} : { exitCode: container.exitCode }),
    oomKilled: container.oomKilled,
    ...(container.error === undefined ? {} : { error: container.error }),
    ...(ip === undefined ? {} : { ip }),
  };
}
