import { expect, it } from 'vitest';
import { TransientError } from '../../../src/base/errors.ts';
import { MAX_REPORTED } from '../../../src/client/types.ts';
import { createReportQueue } from '../../../src/node-agent/node/report-queue.ts';
import { badRequest, failure, notFound, type StatusError } from '../../../src/schemas/errors/status.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const event = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'Event', metadata: { name } });
type Answer = (names: readonly string[]) => readonly (StatusError | undefined)[];

function setUp(answer: Answer = (names) => names.map(() => undefined), confirm = async () => {}) {
  const clock = createFakeClock();
  const stop = new AbortController();
  const sent: string[][] = [];
  let release: (() => void) | undefined;
  const queue = createReportQueue({
    client: {
      async report(_node, objects) {
        const names = objects.map(({ metadata }) => metadata.name);
        sent.push(names);
        if (names.includes('slow')) await new Promise<void>((resolve) => (release = resolve));
        return answer(names);
      },
    },
    ...{ clock, nodeName: 'n1', confirm, signal: stop.signal },
  });
  const outcomes = new Map<string, unknown>();
  const send = (name: string, withinMs: number): void =>
    void queue
      .send(() => event(name), withinMs)
      .then(
        () => outcomes.set(name, 'taken'),
        (error: unknown) => outcomes.set(name, error),
      );
  return { clock, stop, sent, outcomes, send, queue, release: () => release?.() };
}

it('takes along all that waits when the first is due', async () => {
  const { clock, sent, outcomes, send } = setUp();
  send('event', 500);
  send('status', 50);
  await clock.advance(49);
  expect(sent).toEqual([]);
  await clock.advance(1);
  expect(sent).toEqual([['event', 'status']]);
  expect([...outcomes.values()]).toEqual(['taken', 'taken']);
  expect(clock.nextTimerAt).toBeUndefined();
});

it('gathers while a report is under way, and asks for an object only when it is sent', async () => {
  const { clock, sent, send, queue, release } = setUp();
  send('slow', 0);
  await clock.advance(1);
  let state = 'first';
  void queue.send(() => event(state), 10);
  send('other', 10);
  await clock.advance(1_000);
  state = 'last';
  expect(sent).toEqual([['slow']]);
  release();
  await clock.advance(1);
  expect(sent).toEqual([['slow'], ['last', 'other']]);
});

it('refuses each object by itself', async () => {
  const { clock, outcomes, send } = setUp((names) =>
    names.map((name) => (name === 'gone' ? notFound({ group: '', plural: 'pods' }, name) : undefined)),
  );
  for (const name of ['a', 'gone', 'b']) send(name, 0);
  await clock.advance(1);
  expect(outcomes.get('gone')).toMatchObject({ code: 404 });
  expect([outcomes.get('a'), outcomes.get('b')]).toEqual(['taken', 'taken']);
});

it('finds the object for which a whole report is refused', async () => {
  const { clock, outcomes, send } = setUp((names) => {
    if (names.includes('poison')) throw badRequest('cannot be read');
    return names.map(() => undefined);
  });
  const names = ['a', 'b', 'poison', 'c', 'd'];
  for (const name of names) send(name, 0);
  await clock.advance(1);
  expect(outcomes.get('poison')).toMatchObject({ code: 400 });
  expect(names.filter((name) => outcomes.get(name) === 'taken')).toEqual(['a', 'b', 'c', 'd']);
});

it.each<[string, Error]>([
  ['does not answer', new TransientError('away')],
  ['has no store', failure(503, 'ServiceUnavailable', 'away')],
  ['is asked too much', failure(429, 'TooManyRequests', 'later')],
  ['does not know the agent', failure(403, 'Forbidden', 'no')],
])('asks a control plane that %s once', async (_what, error) => {
  const { clock, sent, outcomes, send } = setUp(() => {
    throw error;
  });
  for (const name of ['a', 'b', 'c']) send(name, 0);
  await clock.advance(1);
  expect(sent).toHaveLength(1);
  expect([...outcomes.values()]).toEqual([error, error, error]);
});

it('takes an older control plane for one that is away, not for one without the pods', async () => {
  const { clock, outcomes, send } = setUp(() => {
    throw notFound({ group: 'symphony.dev', plural: 'nodes' }, 'n1');
  });
  send('a', 0);
  await clock.advance(1);
  expect(outcomes.get('a')).toBeInstanceOf(TransientError);
});

it('sends nothing before the control plane knows that the node is alive, and then the newest', async () => {
  let confirmed: () => void = () => undefined;
  const { clock, sent, queue } = setUp(
    undefined,
    () => new Promise<void>((resolve) => (confirmed = resolve)),
  );
  let state = 'first';
  void queue.send(() => event(state), 0);
  await clock.advance(60_000);
  expect(sent).toEqual([]);
  state = 'last';
  confirmed();
  await clock.advance(1);
  expect(sent).toEqual([['last']]);
});

it('leaves the rest to a later try where the node cannot say that it is alive', async () => {
  const refusal = failure(403, 'Forbidden', 'no leases for you');
  const { clock, sent, outcomes, send } = setUp(undefined, () => Promise.reject(refusal));
  send('a', 0);
  await clock.advance(1);
  expect(sent).toEqual([]);
  expect(outcomes.get('a')).toBeInstanceOf(TransientError);
});

it('bounds a report', async () => {
  const { clock, sent, send } = setUp();
  for (let index = 0; index <= MAX_REPORTED; index += 1) send(`e${index}`, 0);
  await clock.advance(1);
  expect(sent.map(({ length }) => length)).toEqual([MAX_REPORTED, 1]);
});

it('sends nothing once the agent stops, and holds nobody up', async () => {
  const { clock, stop, sent, outcomes, send } = setUp();
  send('before', 500);
  stop.abort();
  send('after', 500);
  await clock.advance(1_000);
  expect(sent).toEqual([]);
  expect([...outcomes.values()]).toEqual([expect.any(TransientError), expect.any(TransientError)]);
});
