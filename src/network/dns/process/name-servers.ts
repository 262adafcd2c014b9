/** Starts, follows, replaces and ends the DNS servers of a directory, as plan-servers.ts says. */
import { join } from 'node:path';
import { stat, truncate } from 'node:fs/promises';
import { type BackoffPolicy, backoffDelayMs } from '../../../base/backoff.ts';
import { startDetached } from '../../../base/child-processes/child-process.ts';
import { startTimeOf } from '../../../base/child-processes/process-identity.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/logger.ts';
import { nameSuffix, type Rng } from '../../../base/rng.ts';
import type { NameFeed } from './name-feed.ts';
import type { NameMessage } from './name-messages.ts';
import { planServers, type SeenServer } from './plan-servers.ts';
import type { NameServerSettings } from './serve-names.ts';
import type { ServerCommand } from './server-command.ts';
import { connectServer, type ServerConnection } from './server-connection.ts';
import {
  isAlive,
  killServer,
  readServerRecords,
  removeServerRecord,
  type ServerRecord,
} from './server-records.ts';

export interface NameServersOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly directory: string;
  readonly command: ServerCommand;
  readonly program: string;
  readonly zone: Pick<NameServerSettings, 'zone' | 'ranges' | 'address' | 'listen'>;
  readonly feed: NameFeed;
  /** Where the server listened last; 0 when there was none. */
  readonly lastPort: number;
  /** Something of a server has changed: reconcile. */
  onChange(): void;
  /** Why names outside the cluster are not resolved; undefined when they are. */
  onProblem(problem: string | undefined): void;
}

export interface NameServers extends Disposable {
  /**
   * The port of the server that leads. Without one it is that of the last: the next server listens
   * there again, and until then the host refuses queries at once.
   */
  reconcile(): Promise<number | undefined>;
  tell(message: NameMessage): void;
  /** Tells everything to every server. */
  tellAll(): void;
}

/** The state of a server that is not in its record. */
interface Known {
  connection: ServerConnection | undefined;
  hello: SeenServer['hello'];
  isReady: boolean;
  isRetiring: boolean;
  /** Since when it owes an answer. */
  waitedSinceMs: number | undefined;
  /** Set while a process that this agent started has written no record. */
  startedPid: number | undefined;
}

/** A server that ends at once is started again, less and less often. */
const START_AGAIN: BackoffPolicy = { initialMs: 50, maxMs: 10_000, factor: 3 };
/** A server that ran this long ended for a new reason. */
const STABLE_MS = 30_000;
/** Its output is a few lines. */
const MOST_OUTPUT_BYTES = 1_024 * 1_024;
const OUTPUT = 'output.log';
const ID_LETTERS = 8;

export function createNameServers(options: NameServersOptions): NameServers {
  const { clock, logger, directory, feed } = options;
  const known = new Map<string, Known>();
  let led: string | undefined;
  let [lastPort, failures, startedAtMs] = [options.lastPort, 0, 0];
  let problem: string | undefined;

  const isFollowed = ({ connection }: Known): boolean => connection?.isOpen === true;
  function tellAllTo(server: Known): void {
    if (feed.isSynced) for (const message of feed.all()) server.connection?.send(message);
  }

  function follow(record: ServerRecord, server: Known): void {
    server.hello = undefined;
    server.isReady = false;
    server.connection = connectServer(record.socket, {
      onMessage(message) {
        server.waitedSinceMs = undefined;
        if (message.type === 'pong') return;
        if (message.type === 'hello') {
          server.hello = message;
          tellAllTo(server);
        } else if (message.type === 'ready') server.isReady = true;
        else if (record.id === led) setProblem(message.problem);
        options.onChange();
      },
      onClose: () => options.onChange(),
    });
  }

  function setProblem(next: string | undefined): void {
    if (next === problem) return;
    problem = next;
    options.onProblem(next);
  }

  async function see(): Promise<{
    readonly seen: readonly SeenServer[];
    readonly records: Map<string, ServerRecord>;
  }> {
    const records = new Map((await readServerRecords(directory)).map((record) => [record.id, record]));
    for (const [id, record] of records) {
      const server = known.get(id) ?? newServer();
      known.set(id, server);
      server.startedPid = undefined;
      server.waitedSinceMs ??= clock.now();
      if (isFollowed(server)) server.connection?.send({ type: 'ping' });
      else if (await isAlive(record)) follow(record, server);
    }
    const seen = await Promise.all(
      [...known].map(async ([id, server]): Promise<SeenServer> => {
        const isLiving = await lives(server, records.get(id));
        return {
          id,
          isAlive: isLiving,
          silentMs: clock.now() - (server.waitedSinceMs ?? clock.now()),
          hello: server.hello,
          isReady: server.isReady,
          isRetiring: server.isRetiring,
        };
      }),
    );
    return { seen, records };
  }

  async function start(port: number): Promise<void> {
    if (clock.now() - startedAtMs > STABLE_MS) failures = 0;
    if (failures > 0 && clock.now() - startedAtMs < backoffDelayMs(START_AGAIN, failures)) return;
    failures += 1;
    startedAtMs = clock.now();
    const { id, pid } = await launch(options, port);
    known.set(id, { ...newServer(), startedPid: pid, waitedSinceMs: clock.now() });
    logger.info({ pid }, 'Started the DNS server');
  }

  return {
    async reconcile() {
      const { seen, records } = await see();
      const plan = planServers(options.program, seen, led, lastPort);
      for (const id of plan.forget) {
        const record = records.get(id);
        if (record) await removeServerRecord(directory, record);
        known.get(id)?.connection?.[Symbol.dispose]();
        known.delete(id);
        if (id === led) logger.warn({ id }, 'The DNS server has ended; starting it again');
      }
      for (const id of plan.kill) {
        const record = records.get(id);
        if (record) await killServer(record);
      }
      led = plan.lead;
      lastPort = (led === undefined ? undefined : known.get(led)?.hello?.port) ?? lastPort;
      for (const id of plan.retire) {
        const server = known.get(id);
        if (!server) continue;
        server.isRetiring = true;
        server.connection?.send({ type: 'retire' });
      }
      if (plan.start) await start(plan.start.port);
      return lastPort === 0 ? undefined : lastPort;
    },
    tell(message) {
      for (const { connection, hello } of known.values()) if (hello) connection?.send(message);
    },
    tellAll() {
      for (const server of known.values()) if (server.hello) tellAllTo(server);
    },
    [Symbol.dispose]() {
      for (const { connection } of known.values()) connection?.[Symbol.dispose]();
    },
  };
}

async function launch(
  { rng, zone, program, directory, command }: NameServersOptions,
  port: number,
): Promise<{ readonly id: string; readonly pid: number | undefined }> {
  const id = nameSuffix(rng, ID_LETTERS);
  const settings: NameServerSettings = { ...zone, program, id, directory, port };
  const [node, ...args] = command.words;
  const output = join(directory, OUTPUT);
  if (((await stat(output).catch(() => undefined))?.size ?? 0) > MOST_OUTPUT_BYTES) await truncate(output);
  return { id, pid: startDetached('dns', node, [...args, JSON.stringify(settings)], output) };
}

async function lives({ startedPid }: Known, record: ServerRecord | undefined): Promise<boolean> {
  if (record) return isAlive(record);
  return startedPid !== undefined && (await startTimeOf(startedPid)) !== undefined;
}

const newServer = (): Known => ({
  connection: undefined,
  hello: undefined,
  isReady: false,
  isRetiring: false,
  waitedSinceMs: undefined,
  startedPid: undefined,
});
