import { describe, expect, it } from 'vitest';
import { createAsyncQueue } from '../../src/base/async-queue.ts';
import { TransientError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { seededRng } from '../../src/base/rng.ts';
import { createReflector } from '../../src/client/reflector.ts';
import { type ApiClient, type ClientWatchEvent, type ObjectList, resources } from '../../src/client/types.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { expired } from '../../src/schemas/errors/status.ts';
import { createFakeClock, settle } from '../support/fake-clock.ts';

const object = (name: string, version: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'd', resourceVersion: version },
});

/** A server whose lists and watches the test scripts. */
function scriptedServer() {
  const lists: (() => ObjectList<KubeObject>)[] = [];
  const watches: {
    from: string;
    events: ReturnType<typeof createAsyncQueue<ClientWatchEvent<KubeObject>>>;
  }[] = [];
  let listed = 0;
  const client = {
    list: async () => {
      listed += 1;
      const next = lists.shift();
      if (!next) throw new TransientError('down');
      return next();
    },
    async *watch(_resource: unknown, options: { resourceVersion: string; signal: AbortSignal }) {
      const events = createAsyncQueue<ClientWatchEvent<KubeObject>>();
      options.signal.addEventListener('abort', () => events.close());
      watches.push({ from: options.resourceVersion, events });
      yield* events;
    },
  } as unknown as ApiClient;
  return { client, lists, watches, listed: () => listed };
}

function setup() {
  const server = scriptedServer();
  const clock = createFakeClock();
  const seen: string[] = [];
  const reflector = createReflector<KubeObject>({
    client: server.client,
    resource: resources.pods,
    clock,
    rng: seededRng(1),
    logger: silentLogger,
    onList: (items) => void seen.push(`list ${items.map((item) => item.metadata.name).join(',')}`),
    onChange: (change) => void seen.push(`${change.type} ${change.object.metadata.name}`),
  });
  return { ...server, clock, seen, reflector };
}

const page = (names: string[], version: string, next?: string): (() => ObjectList<KubeObject>) => {
  return () => ({
    items: names.map((name) => object(name, version)),
    resourceVersion: version,
    ...(next ? { continue: next } : {}),
  });
};

describe('createReflector', () => {
  it('reads every page before it calls the list complete, then follows from its version', async () => {
    const { reflector, lists, watches, seen } = setup();
    lists.push(page(['a'], '5', 'token'), page(['b'], '5'));
    reflector.start();
    await settle();
    expect(watches[0]?.from).toBe('5');
    watches[0]?.events.push({ type: 'ADDED', object: object('c', '6') });
    watches[0]?.events.push({ type: 'DELETED', object: object('a', '7') });
    await settle();
    expect(seen).toEqual(['list a,b', 'ADDED c', 'DELETED a']);
    await reflector[Symbol.asyncDispose]();
  });

  it('resumes a broken watch from the last version it saw, bookmarks included', async () => {
    const { reflector, lists, watches, clock, listed } = setup();
    lists.push(page([], '5'));
    reflector.start();
    await settle();
    watches[0]?.events.push({ type: 'BOOKMARK', object: object('', '9') });
    await settle();
    watches[0]?.events.close(new TransientError('reset'));
    await clock.advance(1_000);
    expect(watches[1]?.from).toBe('9');
    expect(listed()).toBe(1);
    await reflector[Symbol.asyncDispose]();
  });

  it('changes nothing while the server is away, and lists again after 410', async () => {
    const { reflector, lists, watches, clock, seen } = setup();
    lists.push(page(['a'], '5'));
    reflector.start();
    await settle();
    watches[0]?.events.close(expired('too old'));
    await clock.advance(60_000);
    expect(seen).toEqual(['list a']);
    lists.push(page(['z'], '100'));
    await clock.advance(60_000);
    expect(seen).toEqual(['list a', 'list z']);
    expect(watches.at(-1)?.from).toBe('100');
    await reflector[Symbol.asyncDispose]();
  });

  it('lists again when told to, also while a list is under way', async () => {
    const { reflector, lists, watches, seen } = setup();
    lists.push(page(['a'], '5'), page(['b'], '6'), page(['c'], '7'));
    reflector.start();
    await settle();
    reflector.relist();
    await settle();
    expect(seen).toEqual(['list a', 'list b']);
    expect(watches.at(-1)?.from).toBe('6');
    await reflector[Symbol.asyncDispose]();
  });

  it('does not spin where each watch ends with its first event', async () => {
    const { client, clock, reflector, lists, watches } = setup();
    const cut = client.watch.bind(client);
    let n = 1;
    Object.assign(client, {
      async *watch(resource: typeof resources.pods, options: Parameters<typeof cut>[1]) {
        n += 1;
        // More than this is a loop without pause; it is ended, for the test to fail instead of
        // hanging.
        if (n > 300) return yield* cut(resource, options);
        yield { type: 'MODIFIED', object: object('a', `${n}`) };
      },
    });
    lists.push(page(['a'], '1'));
    reflector.start();
    await clock.advance(60_000);
    expect(n).toBeGreaterThan(3);
    expect(n).toBeLessThan(40);
    expect(watches).toEqual([]);
    const stopped = reflector[Symbol.asyncDispose]();
    await clock.advance(20_000);
    await stopped;
  });

  it('asks a server that cannot be reached every second, and one that answers badly less often', async () => {
    const { reflector, clock, listed, lists } = setup();
    reflector.start();
    await clock.advance(60_000);
    const unreachable = listed();
    expect(unreachable).toBeGreaterThanOrEqual(60);
    const bad = (): never => {
      throw new Error('internal error');
    };
    for (let index = 0; index < 100; index += 1) lists.push(bad);
    await clock.advance(60_000);
    expect(listed() - unreachable).toBeLessThan(35);
    await reflector[Symbol.asyncDispose]();
  });
});
