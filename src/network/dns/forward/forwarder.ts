/**
 * Asks the host's own servers for names outside the cluster. Equal questions are asked once at a
 * time, answers are kept while they live, and a server that was silent is asked last.
 */
import type { Clock } from '../../../base/clock.ts';
import type { Rng } from '../../../base/rng.ts';
import { CODES, FLAGS } from '../wire/constants.ts';
import type { Query } from '../wire/read-message.ts';
import { createAnswerCache } from './answer-cache.ts';
import { askServer, type ForwardQuestion, type UpstreamServer } from './ask-server.ts';
import type { ForwardedAnswer } from './forwarded-answer.ts';
import { createLoopWatch } from './loop-watch.ts';

export interface ForwarderOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readServers(): Promise<readonly UpstreamServer[]>;
  /** Where this server is asked: a server there is itself. */
  readonly ownAddresses: readonly string[];
  /** Why other names have no answers; undefined when they have. */
  onProblem(problem: string | undefined): void;
}

export interface Forwarder extends Disposable {
  /** Undefined: no server answered, or there is too much to ask. */
  ask(question: ForwardQuestion, client: string): Promise<KeptAnswer | undefined>;
  /** At once, where the answer is known. */
  known(question: ForwardQuestion): KeptAnswer | undefined;
  /** Whether a question is the forwarder's own, which came back. */
  catchesOwn(name: string): boolean;
}

export interface KeptAnswer {
  readonly answer: ForwardedAnswer;
  readonly ageSeconds: number;
}

/** Questions that wait for other servers at one time, as CoreDNS'. */
const MOST_WAITING = 1_000;
/** One client leaves room for others. */
const MOST_WAITING_OF_CLIENT = 250;
/** Three tries end before a client gives up, which is 5 s (resolv.conf(5)). */
const TRY_MS = 1_500;
const MOST_TRIES = 3;
/** A server that was silent is asked last for this long. */
const SHUN_MS = 10_000;
/** The host's servers may change, for example when it joins another network. */
const READ_EVERY_MS = 5_000;

export function createForwarder(options: ForwarderOptions): Forwarder {
  const { clock, ownAddresses, onProblem } = options;
  const cache = createAnswerCache();
  const waiting = new Map<string, Promise<KeptAnswer | undefined>>();
  const waitingOf = new Map<string, number>();
  const shunnedUntilMs = new Map<string, number>();
  const asking = { clock, rng: options.rng, timeoutMs: TRY_MS };
  let servers: Promise<readonly UpstreamServer[]> | undefined;
  let readAtMs = 0;
  let problem: string | undefined;

  function tell(next: string | undefined): void {
    if (next === problem) return;
    problem = next;
    onProblem(next);
  }
  async function readServers(): Promise<readonly UpstreamServer[]> {
    const all = await options.readServers().catch(() => []);
    const others = all.filter(({ address }) => !ownAddresses.includes(address));
    const own = all.filter((server) => !others.includes(server)).map(({ address }) => address);
    if (loop.isLooping) tell(LOOPING(all));
    else if (others.length > 0) tell(undefined);
    else tell(own.length > 0 ? LOOPING(all) : NO_SERVER);
    return others;
  }
  function currentServers(): Promise<readonly UpstreamServer[]> {
    if (!servers || clock.now() - readAtMs >= READ_EVERY_MS) {
      readAtMs = clock.now();
      servers = readServers();
    }
    return servers;
  }

  const loop = createLoopWatch({
    ...asking,
    servers: currentServers,
    onChange() {
      servers = undefined;
      void currentServers();
    },
  });

  async function askInTurn(question: ForwardQuestion): Promise<ForwardedAnswer | undefined> {
    const all = await currentServers();
    if (loop.isLooping || all.length === 0) return undefined;
    const isShunned = ({ address }: UpstreamServer): boolean =>
      (shunnedUntilMs.get(address) ?? 0) > clock.now();
    const ordered = [...all.filter((server) => !isShunned(server)), ...all.filter(isShunned)];
    let last: ForwardedAnswer | undefined;
    for (let turn = 0; turn < MOST_TRIES; turn += 1) {
      const server = ordered[turn % ordered.length]!;
      // All have been asked, and one has refused: it would again.
      if (turn >= ordered.length && last) return last;
      try {
        const answer = await askServer(server, question, asking);
        shunnedUntilMs.delete(server.address);
        if (!ASK_ANOTHER.has(answer.flags & FLAGS.code)) return answer;
        last = answer;
      } catch {
        shunnedUntilMs.set(server.address, clock.now() + SHUN_MS);
      }
    }
    return last;
  }

  async function askAndKeep(key: string, question: ForwardQuestion): Promise<KeptAnswer | undefined> {
    const answer = await askInTurn(question);
    if (!answer) return undefined;
    cache.set(key, answer, clock.now());
    return { answer, ageSeconds: 0 };
  }

  return {
    known: (question) => cache.get(keyOf(question), clock.now()),
    async ask(question, client) {
      const key = keyOf(question);
      const same = waiting.get(key);
      if (same) return same;
      const ofClient = waitingOf.get(client) ?? 0;
      if (waiting.size >= MOST_WAITING || ofClient >= MOST_WAITING_OF_CLIENT) return undefined;
      waitingOf.set(client, ofClient + 1);
      const answer = askAndKeep(key, question);
      waiting.set(key, answer);
      try {
        return await answer;
      } finally {
        waiting.delete(key);
        const left = (waitingOf.get(client) ?? 1) - 1;
        if (left > 0) waitingOf.set(client, left);
        else waitingOf.delete(client);
      }
    },
    catchesOwn: loop.catches,
    [Symbol.dispose]: () => loop[Symbol.dispose](),
  };
}

/** Another server may know what this one does not want to say. */
const ASK_ANOTHER: ReadonlySet<number> = new Set([CODES.SERVFAIL, CODES.NOTIMP, CODES.REFUSED]);

const NO_SERVER =
  'Cannot resolve names outside the cluster: /etc/resolv.conf of this host names no server; add one';
const LOOPING = (servers: readonly UpstreamServer[]): string =>
  `Cannot resolve names outside the cluster: the servers of this host's /etc/resolv.conf (${servers.map(({ address }) => address).join(', ')}) ask the cluster's DNS again; name other servers there`;

export function questionOfQuery(query: Query): ForwardQuestion {
  return {
    name: query.name,
    question: query.question,
    isDnssecOk: query.edns?.isDnssecOk === true,
    isCheckingDisabled: (query.flags & FLAGS.checkingDisabled) !== 0,
  };
}

const keyOf = ({ name, question, isDnssecOk, isCheckingDisabled }: ForwardQuestion): string =>
  `${question.readUInt16BE(question.length - 4)} ${isDnssecOk ? 'D' : ''}${isCheckingDisabled ? 'C' : ''} ${name}`;
