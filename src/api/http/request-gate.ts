/** The door (access.ts) with its counters: bounds the requests, and reports each of them once. */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import type { Eventually } from '../../base/eventually.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { Access, Entered, EntryWitness } from './access.ts';
import { answerRecord, type AnswerRecord, type Attempt } from './answer-record.ts';
import { checkHead, type ConnectionLimits } from './connection-limits.ts';
import { type RateLimits, rejectionOf } from './rate-limits.ts';

export interface RequestGate {
  /** Throws what the door throws, and 429 or 431. */
  enter(request: IncomingMessage, url: URL, attempt: Attempt): Eventually<Entered>;
  /** A watch or a session has begun. */
  started(request: IncomingMessage, attempt: Attempt, code: number): void;
  /** The answer is complete, or its client has gone. Reported once. */
  over(request: IncomingMessage, attempt: Attempt, code: number, durationMs?: number): void;
}

export interface RequestGateOptions {
  readonly access: Access;
  readonly limits: RateLimits;
  readonly connections: ConnectionLimits;
  readonly clock: Clock;
  readonly onAnswer: ((record: AnswerRecord) => void) | undefined;
}

const READS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
/** These last as long as their client wants, and are idle most of the time. */
const LONG_RUNNING: ReadonlySet<string> = new Set([
  'log',
  'exec',
  'attach',
  'portforward',
  'proxy',
  'tunnel',
]);

const isLongRunning = ({ routed }: Entered): boolean =>
  routed?.verb === 'watch' || LONG_RUNNING.has(routed?.subresource ?? '');

/** Kept, since asking the system for it is expensive. */
const addresses = new WeakMap<object, string>();

function addressOf(socket: IncomingMessage['socket']): string {
  let address = addresses.get(socket);
  if (address === undefined) addresses.set(socket, (address = socket.remoteAddress ?? ''));
  return address;
}

export function createRequestGate(options: RequestGateOptions): RequestGate {
  const { access, limits, connections, clock, onAnswer } = options;

  return {
    enter(request, url, attempt) {
      const address = addressOf(request.socket);
      attempt.sourceAddress = address;
      attempt.beganAtMs = clock.now();
      const admitted = (entered: Entered): Entered => {
        // A client that has left meanwhile would never give its place back.
        if (!attempt.isOver && !isLongRunning(entered))
          attempt.release = limits.begin(entered.user, !READS.has(request.method ?? 'GET'));
        return entered;
      };
      try {
        checkHead(request, connections);
        const entering = access.enter(request, url, witnessOf(attempt, address));
        if (!(entering instanceof Promise)) return admitted(entering);
        return entering.then(admitted).catch((error: unknown) => refused(request, attempt, address, error));
      } catch (error) {
        return refused(request, attempt, address, error);
      }
    },
    started(request, attempt, code) {
      if (attempt.isOver) return;
      onAnswer?.(answerRecord(request, attempt, { stage: 'started', code, durationMs: elapsed(attempt) }));
      attempt.stands = true;
    },
    over(request, attempt, code, durationMs = elapsed(attempt)) {
      if (attempt.isOver) return;
      attempt.isOver = true;
      attempt.release?.();
      onAnswer?.(answerRecord(request, attempt, { stage: 'complete', code, durationMs }));
    },
  };

  function witnessOf(attempt: Attempt, address: string): EntryWitness {
    return {
      identified(user, impersonator) {
        attempt.user = user;
        if (impersonator) attempt.impersonator = impersonator;
        limits.checkRate(impersonator ?? user, address);
      },
      routed(routed) {
        attempt.routed = routed;
      },
    };
  }

  /** Counts the refusal, and throws it, or the one that counting causes. */
  function refused(request: IncomingMessage, attempt: Attempt, address: string, error: unknown): never {
    try {
      // A request without credentials guesses nothing.
      const { authorization } = request.headers;
      if (authorization !== undefined && isStatusError(error, 'Unauthorized')) limits.failedLogin(address);
      throw error;
    } catch (refusal) {
      const rejection = rejectionOf(refusal);
      if (rejection) attempt.rejection = rejection;
      throw refusal;
    }
  }

  function elapsed({ beganAtMs }: Attempt): number {
    return beganAtMs === undefined ? 0 : clock.now() - beganAtMs;
  }
}
