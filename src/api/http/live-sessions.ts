/**
 * Sessions that outlive their request: watches, followed logs, exec, attach, port-forward, tunnels.
 * They end when their credential or their permission does. Sessions of one credential are checked
 * together, and one timer serves all. A check that fails ends nothing: the next round decides.
 */
import { createHash } from 'node:crypto';
import type { Clock, Timer } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Authenticator, Credentials, UserInfo } from '../authn/types.ts';
import type { Authorizer, ResourceAttributes } from '../../resources/authz/types.ts';
import type { Proof } from './access.ts';
import { STOPPING } from './outlets.ts';

export interface LiveSession {
  readonly proof: Proof;
  readonly user: UserInfo;
  readonly attributes: ResourceAttributes;
  /** Called at most once, and never after the session was removed. */
  end(why: string): void;
}

/** Disposed, it ends every session, and each that is added later. */
export interface LiveSessions extends Disposable {
  /** Checks the session until the returned function is called. */
  add(session: LiveSession): () => void;
  readonly size: number;
}

export interface LiveSessionsOptions {
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Every credential is checked once in this time. A revoked one ends within two of these. */
export const RECHECK_INTERVAL_MS = 1_000;
/** Rounds per interval; each takes an equal share of the credentials. */
const ROUNDS = 4;
/** So few credentials are checked together: waking up costs more than checking them. */
const FEW = 64;

/** Headers that identify the client; the rest of a request does not matter to its credential. */
const IDENTIFYING = /^(authorization|cookie|sec-websocket-protocol|impersonate-.*)$/;

/** Sessions of one credential that need the same permission. */
interface Permission {
  readonly attributes: ResourceAttributes;
  readonly sessions: Set<LiveSession>;
}

interface Holder {
  readonly proof: Proof;
  readonly user: UserInfo;
  readonly permissions: Map<string, Permission>;
  /** The number of the round that checks it. */
  readonly round: number;
}

export function createLiveSessions(options: LiveSessionsOptions): LiveSessions {
  const { clock } = options;
  const logger = options.logger.child({ component: 'live-sessions' });
  const holders = new Map<string, Holder>();
  let round = 0;
  let nextRound = 0;
  let disposed = false;
  let timer: Timer | undefined;

  function schedule(): void {
    const all = holders.size <= FEW;
    timer = clock.setTimer(
      () => {
        round = (round + 1) % ROUNDS;
        void checkRound(all ? undefined : round).finally(() => {
          timer = undefined;
          if (!disposed && holders.size > 0) schedule();
        });
      },
      all ? RECHECK_INTERVAL_MS : RECHECK_INTERVAL_MS / ROUNDS,
    );
  }

  /** Undefined checks every holder. */
  async function checkRound(turn: number | undefined): Promise<void> {
    for (const [key, holder] of [...holders]) {
      if ((turn !== undefined && holder.round !== turn) || holders.get(key) !== holder) continue;
      try {
        await check(options, logger, holder);
      } catch (error) {
        logger.warn({ error, user: holder.user.name }, 'Cannot check live sessions; they go on');
      }
    }
  }

  function holderOf(key: string, { proof, user }: LiveSession): Holder {
    const known = holders.get(key);
    if (known) return known;
    nextRound = (nextRound + 1) % ROUNDS;
    const credentials = identifying(proof.credentials);
    const holder = { proof: { ...proof, credentials }, user, permissions: new Map(), round: nextRound };
    holders.set(key, holder);
    return holder;
  }

  return {
    get size() {
      return [...holders.values()].flatMap(sessionsOf).length;
    },
    add(session) {
      if (disposed) {
        session.end(STOPPING);
        return () => undefined;
      }
      const key = keyOf(session.proof.credentials, session.user);
      const { permissions } = holderOf(key, session);
      const wanted = JSON.stringify(Object.entries(session.attributes).sort());
      const permission = permissions.get(wanted) ?? { attributes: session.attributes, sessions: new Set() };
      permissions.set(wanted, permission);
      permission.sessions.add(session);
      if (!timer) schedule();
      return () => {
        permission.sessions.delete(session);
        if (permission.sessions.size === 0 && permissions.get(wanted) === permission)
          permissions.delete(wanted);
        if (permissions.size === 0 && holders.get(key)?.permissions === permissions) holders.delete(key);
      };
    },
    [Symbol.dispose]() {
      disposed = true;
      timer?.cancel();
      const sessions = [...holders.values()].flatMap(sessionsOf);
      holders.clear();
      for (const session of sessions) session.end(STOPPING);
    },
  };
}

const sessionsOf = ({ permissions }: Holder): readonly LiveSession[] =>
  [...permissions.values()].flatMap(({ sessions }) => [...sessions]);

async function check(
  { authenticator, authorizer }: Pick<LiveSessionsOptions, 'authenticator' | 'authorizer'>,
  logger: Logger,
  { proof, user, permissions }: Holder,
): Promise<void> {
  const claim = await authenticator.authenticate(proof.credentials);
  const asker = claim.result === 'user' ? claim.user : undefined;
  const endEvery = (why: string): void => {
    for (const permission of permissions.values()) endAll(logger, user, permission, why);
  };
  if (!asker || asker.name !== proof.asker.name) return endEvery('the credential is no longer valid');
  for (const attributes of proof.asked) {
    const { allowed } = await authorizer.authorize(asker, attributes);
    if (!allowed) return endEvery('the user may no longer be impersonated');
  }
  // Groups may have changed meanwhile; an impersonated user keeps those that were asked for.
  const now = proof.asked.length > 0 ? user : asker;
  for (const permission of permissions.values()) {
    const { allowed } = await authorizer.authorize(now, permission.attributes);
    if (!allowed) endAll(logger, user, permission, 'the permission was withdrawn');
  }
}

function endAll(logger: Logger, user: UserInfo, { attributes, sessions }: Permission, why: string): void {
  const { verb, resource, subresource } = attributes;
  logger.info(
    { user: user.name, verb, resource, subresource, count: sessions.size, why },
    'Ending live sessions',
  );
  for (const session of [...sessions]) {
    // Ending usually removes the session; otherwise it must not be ended twice.
    sessions.delete(session);
    session.end(why);
  }
}

/** Drops the rest of the request, which would stay in memory for as long as the session. */
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
