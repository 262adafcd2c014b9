/**
 * What outlives its request: watches, followed logs, exec, attach, port-forward, the agents' tunnels. A request is let in once;
 * these are asked again and again whether their credential still stands for the same user and that user may still do it, and
 * are ended when not.
 *
 * Sessions of the same credential are authenticated once, and those that want the same are authorised once, however many they
 * are. One timer serves all; each look takes its share of the credentials, so that the work is spread over the interval. A
 * doubt (an authenticator or authoriser that fails) ends nothing: the next look decides.
 */
import { createHash } from 'node:crypto';
import type { Clock, Timer } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Authenticator, Credentials, UserInfo } from '../authn/types.ts';
import type { Authorizer, ResourceAttributes } from '../../resources/authz/types.ts';
import type { Proof } from './access.ts';

export interface LiveSession {
  readonly proof: Proof;
  readonly user: UserInfo;
  readonly attributes: ResourceAttributes;
  /** Called at most once, and never after the session was removed. */
  end(why: string): void;
}

export interface LiveSessions extends Disposable {
  /** Looks after the session until the answer is called. */
  add(session: LiveSession): () => void;
  readonly size: number;
}

export interface LiveSessionsOptions {
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Every credential is looked at once in this time: a revoked one has no session two of these later. */
export const RECHECK_INTERVAL_MS = 1_000;
/** Looks per interval; each takes an equal share of the credentials. */
const LOOKS = 4;
/** So few credentials are looked at together: waking up costs more than asking about them. */
const FEW = 64;

/** Headers that say who asks; the rest of a request does not matter to its credential. */
const IDENTIFYING = /^(authorization|cookie|sec-websocket-protocol|impersonate-.*)$/;

/** Sessions of one credential that want the same. */
interface Wish {
  readonly attributes: ResourceAttributes;
  readonly sessions: Set<LiveSession>;
}

interface Holder {
  readonly proof: Proof;
  readonly user: UserInfo;
  readonly wishes: Map<string, Wish>;
  /** The number of the look that is to take it. */
  readonly turn: number;
}

export function createLiveSessions(options: LiveSessionsOptions): LiveSessions {
  const { authenticator, authorizer, clock } = options;
  const logger = options.logger.child({ component: 'live-sessions' });
  const holders = new Map<string, Holder>();
  let size = 0;
  let look = 0;
  let nextTurn = 0;
  let disposed = false;
  let timer: Timer | undefined;

  function schedule(): void {
    const looks = holders.size <= FEW ? 1 : LOOKS;
    timer = clock.setTimer(() => {
      look = (look + 1) % LOOKS;
      void checkTurn(looks === 1 ? undefined : look).finally(() => {
        timer = undefined;
        if (!disposed && holders.size > 0) schedule();
      });
    }, RECHECK_INTERVAL_MS / looks);
  }

  /** Undefined: all of them. */
  async function checkTurn(turn: number | undefined): Promise<void> {
    for (const [key, holder] of [...holders]) {
      if ((turn !== undefined && holder.turn !== turn) || holders.get(key) !== holder) continue;
      try {
        await check(holder);
      } catch (error) {
        logger.warn({ error, user: holder.user.name }, 'Cannot ask whether live sessions may go on; they do');
      }
    }
  }

  async function check({ proof, user, wishes }: Holder): Promise<void> {
    const claim = await authenticator.authenticate(proof.credentials);
    const asker = claim.result === 'user' ? claim.user : undefined;
    const endEvery = (why: string): void => {
      for (const wish of wishes.values()) endAll(user, wish, why);
    };
    if (!asker || asker.name !== proof.asker.name) return endEvery('the credential is no longer valid');
    for (const attributes of proof.asked) {
      const { allowed } = await authorizer.authorize(asker, attributes);
      if (!allowed) return endEvery('the user may no longer be impersonated');
    }
    // Groups may have changed meanwhile; those of somebody impersonated are what was asked for.
    const now = proof.asked.length > 0 ? user : asker;
    for (const wish of wishes.values()) {
      const { allowed } = await authorizer.authorize(now, wish.attributes);
      if (!allowed) endAll(user, wish, 'the permission was withdrawn');
    }
  }

  function endAll(user: UserInfo, { attributes, sessions }: Wish, why: string): void {
    const { verb, resource, subresource } = attributes;
    logger.info(
      { user: user.name, verb, resource, subresource, count: sessions.size, why },
      'Ending live sessions',
    );
    for (const session of [...sessions]) {
      // Whoever ends is removed by that; if not, it must not be told twice.
      if (sessions.delete(session)) size -= 1;
      session.end(why);
    }
  }

  return {
    get size() {
      return size;
    },
    add(session) {
      const key = keyOf(session.proof.credentials, session.user);
      let holder = holders.get(key);
      if (!holder) {
        nextTurn = (nextTurn + 1) % LOOKS;
        const { proof, user } = session;
        const credentials = identifying(proof.credentials);
        holder = { proof: { ...proof, credentials }, user, wishes: new Map(), turn: nextTurn };
        holders.set(key, holder);
      }
      const { wishes } = holder;
      const wanted = wishKey(session.attributes);
      const wish = wishes.get(wanted) ?? { attributes: session.attributes, sessions: new Set() };
      wishes.set(wanted, wish);
      wish.sessions.add(session);
      size += 1;
      if (!timer && !disposed) schedule();
      return () => {
        if (wish.sessions.delete(session)) size -= 1;
        if (wish.sessions.size === 0 && wishes.get(wanted) === wish) wishes.delete(wanted);
        if (wishes.size === 0 && holders.get(key)?.wishes === wishes) holders.delete(key);
      };
    },
    [Symbol.dispose]() {
      disposed = true;
      timer?.cancel();
      holders.clear();
    },
  };
}

/** The credential without the rest of the request, which would be kept in memory for as long as the session. */
function identifying({ headers, ...rest }: Credentials): Credentials {
  return {
    ...rest,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => IDENTIFYING.test(name))),
  };
}

function keyOf(credentials: Credentials, { name }: UserInfo): string {
  const { headers, certificate } = identifying(credentials);
  const hash = createHash('sha256').update(JSON.stringify([name, Object.entries(headers).sort()]));
  if (certificate) hash.update(certificate);
  return hash.digest('base64');
}

function wishKey(attributes: ResourceAttributes): string {
  return JSON.stringify(Object.entries(attributes).sort());
}
