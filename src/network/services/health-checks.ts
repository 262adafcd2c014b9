/**
 * The servers that balancers outside ask for a host's health: one for each Service with the external
 * traffic policy `Local`, at the port that the Service names, and one for the proxy as a whole.
 */
import { createServer, type Server } from 'node:http';
import { createAbort } from '../../base/abort.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import { answerHealthCheck, type HealthAnswer, type HealthCheck } from './health-answer.ts';

export interface HealthChecksOptions {
  readonly clock: Clock;
  /** The kernel has what the API wants, or will have it soon. */
  readonly isHealthy: () => boolean;
  /** Nobody can listen at the port. Told once; it is tried again. */
  readonly onFailure: (service: string, check: HealthCheck, why: string) => void;
}

export interface HealthChecks extends AsyncDisposable {
  /** The check of a Service; undefined: it has none. */
  set(service: string, check: HealthCheck | undefined): void;
}

interface Running extends AsyncDisposable {
  check: HealthCheck;
}

export function createHealthChecks({ clock, isHealthy, onFailure }: HealthChecksOptions): HealthChecks {
  const running = new Map<string, Running>();
  /** Servers that end. Another Service may get their port. */
  const ending = new Set<Promise<void>>();

  function end(service: string): void {
    const server = running.get(service);
    if (!server) return;
    running.delete(service);
    const ended = Promise.resolve(server[Symbol.asyncDispose]()).finally(() => ending.delete(ended));
    ending.add(ended);
  }

  return {
    set(service, check) {
      const current = running.get(service);
      if (current && current.check.port !== check?.port) end(service);
      const kept = running.get(service);
      if (kept && check) kept.check = check;
      else if (check) {
        const started: Running = {
          check,
          ...startServer({
            port: check.port,
            after: Promise.all(ending),
            clock,
            answer: () => answerHealthCheck(started.check, isHealthy()),
            onFailure: (why) => onFailure(service, started.check, why),
          }),
        };
        running.set(service, started);
      }
    },
    async [Symbol.asyncDispose]() {
      for (const service of [...running.keys()]) end(service);
      await Promise.all(ending);
    },
  };
}

/** A balancer opens one connection at a time. */
const MOST_CONNECTIONS = 64;
const MOST_TIME_MS = 5_000;
/** Another process may have the port for a while, such as an agent that ends. */
const RETRY_MS = 5_000;

export interface HealthServerOptions {
  readonly port: number;
  /** It begins then. */
  readonly after?: Promise<unknown>;
  readonly clock: Clock;
  /** Undefined: there is nothing at this path. */
  answer(path: string): HealthAnswer | undefined;
  onFailure(why: string): void;
}

/** Listens on all addresses of the host, now or when the port is free. */
export function startServer(options: HealthServerOptions): AsyncDisposable {
  const { port, clock, answer, onFailure } = options;
  const stop = createAbort();
  const server = createServer((request, response) => {
    const { code, headers, body } = answer(request.url ?? '') ?? { code: 404, headers: {}, body: '' };
    response.writeHead(code, { ...headers, Connection: 'close' }).end(body);
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.headersTimeout = MOST_TIME_MS;
  server.requestTimeout = MOST_TIME_MS;
  server.timeout = MOST_TIME_MS;

  async function listen(): Promise<void> {
    await options.after;
    for (let isFirst = true; !stop.signal.aborted; isFirst = false) {
      const why = await tryListen(server, port);
      if (why === undefined) return;
      if (isFirst) onFailure(why);
      await sleep(clock, RETRY_MS, stop.signal);
    }
  }

  const listening = listen();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await listening;
      if (!server.listening) return;
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Answers why the port cannot be had. */
function tryListen(server: Server, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const fail = (error: Error): void => {
      server.off('listening', succeed);
      resolve(errorMessage(error));
    };
    const succeed = (): void => {
      server.off('error', fail);
      resolve(undefined);
    };
    server.once('error', fail).once('listening', succeed).listen(port);
  });
}
