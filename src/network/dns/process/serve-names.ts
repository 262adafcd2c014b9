/**
 * The DNS server of one host and cluster, a process of its own: it outlives the agent that started
 * it, and answers with what it was told last while agent and control plane are away. It ends when
 * an agent says so, or when its record is gone.
 */
import { createAbort } from '../../../base/abort.ts';
import { type Clock, sleep } from '../../../base/clock.ts';
import { errorMessage } from '../../../base/errors.ts';
import type { Logger } from '../../../base/logger.ts';
import { readHostResolver } from '../../../base/resolv-conf.ts';
import type { Rng } from '../../../base/rng.ts';
import { DNS_PORT } from '../../../schemas/services/dns-service.ts';
import { createQueryAnswerer } from '../answer-queries.ts';
import { type DnsSockets, openDnsSockets } from '../dns-sockets.ts';
import { createForwarder, type Forwarder } from '../forward/forwarder.ts';
import { createResponder, type ZoneSettings } from '../respond.ts';
import { openAgentDoor } from './agent-door.ts';
import { createClientCheck } from './client-check.ts';
import type { AgentMessage, ServerMessage } from './name-messages.ts';
import { createNameStore, type NameStore } from './name-store.ts';
import { loadNames, saveNames } from './saved-names.ts';
import { isRecorded, recordThisServer, removeServerRecord } from './server-records.ts';

export interface NameServerSettings extends ZoneSettings {
  /** Names the program and its settings: another program replaces this server. */
  readonly program: string;
  readonly id: string;
  readonly directory: string;
  /** The address of the bridge. */
  readonly listen: string;
  /** The port of the server that this one follows; another one where it is taken. */
  readonly port: number;
}

export interface ServeOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** The directory may be removed under a server that nobody reaches. */
const LOOK_EVERY_MS = 5_000;
/** The bridge may come later than its server. */
const BIND_AGAIN_MS = 500;
/** A server that is replaced ends when nobody has asked for this long, and after the other time. */
const QUIET_MS = 5_000;
const RETIRE_MS = 60_000;

export async function serveNames(settings: NameServerSettings, options: ServeOptions): Promise<void> {
  const { clock, logger } = options;
  const { directory, id } = settings;
  const end = createAbort();
  if (options.signal.aborted) return;
  options.signal.addEventListener('abort', () => end.abort(), { once: true });
  const record = await recordThisServer(directory, id);
  try {
    const names = createNameStore(() => Math.floor(clock.now() / 1_000));
    await loadNames(names, directory, logger);
    const saving = saveNames(names, directory, { clock, logger, signal: end.signal });
    await serve(settings, names, record.socket, options, end);
    await saving;
  } finally {
    await removeServerRecord(directory, record);
  }
}

/** Until `end` aborts. */
async function serve(
  settings: NameServerSettings,
  names: NameStore,
  socket: string,
  { clock, rng, logger }: ServeOptions,
  end: AbortController,
): Promise<void> {
  let [askedAtMs, problem] = [clock.now(), undefined as string | undefined];
  let opened: DnsSockets | undefined;
  /** Without the bridge it does not answer yet. */
  const hello = (): readonly ServerMessage[] =>
    opened ? [{ type: 'hello', pid: process.pid, program: settings.program, port: opened.port }] : [];

  async function retire(): Promise<void> {
    // The host leads queries elsewhere in a moment.
    askedAtMs = clock.now();
    const latest = clock.now() + RETIRE_MS;
    while (!end.signal.aborted && clock.now() < latest && clock.now() - askedAtMs < QUIET_MS)
      await sleep(clock, BIND_AGAIN_MS, end.signal);
    end.abort();
  }
  function onMessage(message: AgentMessage): ServerMessage | undefined {
    if (message.type === 'end') end.abort();
    else if (message.type === 'retire') void retire();
    else if (message.type === 'ping') return { type: 'pong' };
    else names.apply(message);
    return message.type === 'synced' ? { type: 'ready' } : undefined;
  }
  using door = openAgentDoor({
    ...{ socket, logger, onMessage },
    greet: () => [...hello(), { type: 'problem', problem }],
    onFailure: () => end.abort(),
  });
  using forwarder = createForwarder({
    clock,
    rng,
    readServers: async () =>
      (await readHostResolver()).nameservers.map((address) => ({ address, port: DNS_PORT })),
    ownAddresses: [settings.address, settings.listen],
    onProblem(next) {
      problem = next;
      door.tell({ type: 'problem', problem });
    },
  });
  const onQuery = (): void => {
    askedAtMs = clock.now();
  };
  const binding = bind(settings, names, forwarder, onQuery, { clock, logger, signal: end.signal }).then(
    (sockets) => {
      opened = sockets;
      for (const message of hello()) door.tell(message);
    },
  );
  while (!end.signal.aborted) {
    await sleep(clock, LOOK_EVERY_MS, end.signal);
    if (!(await isRecorded(settings.directory, settings.id))) end.abort();
  }
  await binding;
  await opened?.[Symbol.asyncDispose]();
}

/** Waits for the bridge. Undefined when the signal aborts first. */
async function bind(
  settings: NameServerSettings,
  names: NameStore,
  forwarder: Forwarder,
  onQuery: () => void,
  { clock, logger, signal }: Omit<ServeOptions, 'rng'>,
): Promise<DnsSockets | undefined> {
  const options = {
    address: settings.listen,
    answer: createQueryAnswerer({ respond: createResponder(settings, names), names, forwarder }),
    isClient: createClientCheck(settings.ranges, clock),
    onQuery,
    onError: (error: unknown) => logger.error({ error: errorMessage(error) }, 'Cannot answer a query'),
  };
  let { port } = settings;
  let isTold = false;
  while (!signal.aborted) {
    try {
      const sockets = await openDnsSockets({ ...options, port });
      logger.info({ address: settings.listen, port: sockets.port }, 'Answering for the names of the cluster');
      return sockets;
    } catch (error) {
      // Somebody else has the port by now.
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') port = 0;
      if (!isTold) logger.warn({ error: errorMessage(error) }, 'Cannot listen yet');
      isTold = true;
      await sleep(clock, BIND_AGAIN_MS, signal);
    }
  }
  return undefined;
}
