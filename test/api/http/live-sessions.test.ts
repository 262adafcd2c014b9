import { describe, expect, it } from 'vitest';
import type { Credentials, UserInfo } from '../../../src/api/authn/types.ts';
import type { ResourceAttributes } from '../../../src/resources/authz/types.ts';
import {
  createLiveSessions,
  type LiveSession,
  type LiveSessions,
  RECHECK_INTERVAL_MS,
} from '../../../src/api/http/live-sessions.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';

interface World {
  readonly clock: FakeClock;
  readonly live: LiveSessions;
  /** Users by token. */
  readonly users: Map<string, UserInfo>;
  /** `user verb resource` that is not allowed. */
  readonly forbidden: Set<string>;
  readonly calls: { authenticated: number; authorized: number };
  /** Makes the authenticator fail. */
  broken: boolean;
}

function createWorld(): World {
  const clock = createFakeClock();
  const users = new Map<string, UserInfo>();
  const forbidden = new Set<string>();
  const calls = { authenticated: 0, authorized: 0 };
  const world = { clock, users, forbidden, calls, broken: false };
  const live = createLiveSessions({
    clock,
    logger: silentLogger,
    authenticator: {
      async authenticate({ headers }) {
        calls.authenticated += 1;
        if (world.broken) throw new Error('the store does not answer');
        const user = users.get(headers.authorization ?? '');
        return user ? { result: 'user', user } : { result: 'rejected' };
      },
    },
    authorizer: {
      async authorize(user, { verb, resource }) {
        calls.authorized += 1;
        return { allowed: !forbidden.has(`${user.name} ${verb} ${resource}`) };
      },
      authorizePath: async () => ({ allowed: true }),
      rulesFor: async () => ({ rules: [], errors: [] }),
    },
  });
  return Object.assign(world, { live });
}

const attributes = (verb: string, resource = 'pods'): ResourceAttributes => ({
  verb,
  group: '',
  resource,
  subresource: undefined,
  namespace: 'default',
  name: undefined,
  fieldSelector: undefined,
});

/** A session of the token's user, and why it was ended. */
function begin(
  { live, users }: World,
  token: string,
  wish: ResourceAttributes,
  more: {
    readonly asker?: UserInfo;
    readonly user?: UserInfo;
    readonly headers?: Credentials['headers'];
  } = {},
): { readonly ended: string[]; forget: () => void } {
  const known = users.get(token) ?? { name: token, groups: [] };
  users.set(token, known);
  const ended: string[] = [];
  const session: LiveSession = {
    proof: {
      credentials: { headers: { authorization: token, accept: 'application/json', ...more.headers } },
      asker: more.asker ?? known,
      asked: more.asker ? [attributes('impersonate', 'users')] : [],
    },
    user: more.user ?? known,
    attributes: wish,
    end: (why) => ended.push(why),
  };
  return { ended, forget: live.add(session) };
}

describe('live sessions', () => {
  it('end with the credential that began them, and no others do', async () => {
    const world = createWorld();
    const [lost, kept] = [begin(world, 'a', attributes('watch')), begin(world, 'b', attributes('watch'))];
    await world.clock.advance(3 * RECHECK_INTERVAL_MS);
    expect(lost.ended).toEqual([]);
    world.users.delete('a');
    await world.clock.advance(2 * RECHECK_INTERVAL_MS);
    expect(lost.ended).toEqual(['the credential is no longer valid']);
    expect(kept.ended).toEqual([]);
  });

  it('end when the credential stands for somebody else', async () => {
    const world = createWorld();
    const session = begin(world, 'a', attributes('watch'));
    world.users.set('a', { name: 'mallory', groups: [] });
    await world.clock.advance(2 * RECHECK_INTERVAL_MS);
    expect(session.ended).toEqual(['the credential is no longer valid']);
  });

  it('end when what they do is no longer allowed, and only those', async () => {
    const world = createWorld();
    const [watch, exec] = [begin(world, 'a', attributes('watch')), begin(world, 'a', attributes('create'))];
    world.forbidden.add('a create pods');
    await world.clock.advance(2 * RECHECK_INTERVAL_MS);
    expect(exec.ended).toEqual(['the permission was withdrawn']);
    expect(watch.ended).toEqual([]);
  });

  it('of somebody who is impersonated end when the asker may no longer speak for them', async () => {
    const world = createWorld();
    const asker: UserInfo = { name: 'root', groups: [] };
    world.users.set('root', asker);
    const jane: UserInfo = { name: 'jane', groups: [] };
    const session = begin(world, 'root', attributes('watch'), { asker, user: jane });
    await world.clock.advance(2 * RECHECK_INTERVAL_MS);
    expect(session.ended).toEqual([]);
    world.forbidden.add('root impersonate users');
    await world.clock.advance(2 * RECHECK_INTERVAL_MS);
    expect(session.ended).toEqual(['the user may no longer be impersonated']);
  });

  it('go on while nobody can tell', async () => {
    const world = createWorld();
    const session = begin(world, 'a', attributes('watch'));
    world.broken = true;
    await world.clock.advance(5 * RECHECK_INTERVAL_MS);
    expect(session.ended).toEqual([]);
    world.broken = false;
    world.users.delete('a');
    await world.clock.advance(2 * RECHECK_INTERVAL_MS);
    expect(session.ended).toHaveLength(1);
  });

  it('of one credential are asked for together, whatever else their requests said', async () => {
    const world = createWorld();
    const sessions = Array.from({ length: 1_000 }, (_, index) =>
      begin(world, 'a', attributes('watch'), { headers: { 'user-agent': `client ${index}` } }),
    );
    await world.clock.advance(RECHECK_INTERVAL_MS);
    expect(world.calls).toEqual({ authenticated: 1, authorized: 1 });
    world.users.delete('a');
    await world.clock.advance(RECHECK_INTERVAL_MS);
    expect(sessions.every(({ ended }) => ended.length === 1)).toBe(true);
    expect(world.live.size).toBe(0);
  });

  it('that are over leave nothing behind, not even a timer', async () => {
    const world = createWorld();
    const session = begin(world, 'a', attributes('watch'));
    session.forget();
    world.users.delete('a');
    await world.clock.advance(2 * RECHECK_INTERVAL_MS);
    expect(session.ended).toEqual([]);
    expect(world.live.size).toBe(0);
    expect(world.clock.nextTimerAt).toBeUndefined();
  });
});
