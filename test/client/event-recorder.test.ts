import { describe, expect, it } from 'vitest';
import { toRfc3339 } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import {
  createEventRecorder,
  type EventRecorder,
  type EventSink,
  writerEventSink,
} from '../../src/client/event-recorder.ts';
import type { Event } from '../../src/schemas/types.ts';
import { aPod } from '../support/builders.ts';
import { createHarness, type Harness } from '../sync/harness.ts';

const aRecorder = ({ objects, registry, clock }: Harness): EventRecorder =>
  createEventRecorder({
    sink: writerEventSink(objects, registry),
    clock,
    logger: silentLogger,
    source: { component: 'tester' },
  });
const eventsOf = async ({ store }: Harness): Promise<readonly Event[]> =>
  (await store.list('events')).objects as readonly Event[];

describe('the recorder of events', () => {
  it('goes on counting where the process before it stopped', async () => {
    await using harness = await createHarness();
    const about = aPod({ name: 'web', namespace: 'default', uid: 'u1' });
    for (let process = 0; process < 3; process += 1) {
      await using recorder = aRecorder(harness);
      recorder.record({ about, type: 'Warning', reason: 'Failed', message: 'no' });
      recorder.record({ about, type: 'Warning', reason: 'Failed', message: 'no' });
      await recorder.flush();
    }
    expect(await eventsOf(harness)).toMatchObject([{ count: 6, involvedObject: { uid: 'u1' } }]);
  });

  it('counts what two processes say at the same time in one event', async () => {
    await using harness = await createHarness();
    await using one = aRecorder(harness);
    await using other = aRecorder(harness);
    const about = aPod({ name: 'web', namespace: 'default', uid: 'u1' });
    for (let round = 0; round < 3; round += 1) {
      for (const recorder of [one, other])
        recorder.record({ about, type: 'Normal', reason: 'Said', message: 'hello' });
      await Promise.all([one.flush(), other.flush()]);
    }
    expect(await eventsOf(harness)).toMatchObject([{ count: 6 }]);
  });

  it('takes nothing but the count from an event that somebody else put in its place', async () => {
    await using harness = await createHarness();
    const about = aPod({ name: 'web', namespace: 'default', uid: 'u1' });
    const say = async (): Promise<Event> => {
      await using recorder = aRecorder(harness);
      recorder.record({ about, type: 'Warning', reason: 'Failed', message: 'no' });
      await recorder.flush();
      return (await eventsOf(harness))[0]!;
    };
    const first = await say();
    await harness.objects.update({ ...first, reason: 'Forged', type: 'Normal', message: 'all is well' });
    expect(await say()).toMatchObject({ count: 2, type: 'Warning', reason: 'Failed', message: 'no' });
  });

  it('completes a reference without a uid, so that kubectl describe finds the event', async () => {
    await using harness = await createHarness();
    await using recorder = aRecorder(harness);
    const about = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', namespace: 'symphony-system' };
    recorder.record({ about: { ...about, name: 'root' }, type: 'Normal', reason: 'Said', message: 'x' });
    recorder.record({ about: { ...about, name: 'gone' }, type: 'Normal', reason: 'Said', message: 'x' });
    await recorder.flush();
    const { uid, resourceVersion } = (await harness.application())?.metadata ?? {};
    const events = await eventsOf(harness);
    expect(events.find(({ involvedObject }) => involvedObject.name === 'root')).toMatchObject({
      involvedObject: { ...about, uid, resourceVersion },
    });
    expect(uid).toBeDefined();
    expect(events.find(({ involvedObject }) => involvedObject.name === 'gone')).toBeDefined();
  });

  it('says no more than a burst about one object for one reason, and still hears the others', async () => {
    await using harness = await createHarness();
    await using recorder = aRecorder(harness);
    const about = aPod({ name: 'web', namespace: 'default', uid: 'u1' });
    for (let index = 0; index < 100; index += 1)
      recorder.record({ about, type: 'Warning', reason: 'BackOff', message: 'again' });
    recorder.record({ about, type: 'Normal', reason: 'Started', message: 'started' });
    await recorder.flush();
    const counts = new Map((await eventsOf(harness)).map(({ reason, count }) => [reason, count]));
    expect(counts).toEqual(
      new Map([
        ['BackOff', 25],
        ['Started', 1],
      ]),
    );
    await harness.clock.advance(300_000);
    recorder.record({ about, type: 'Warning', reason: 'BackOff', message: 'again' });
    await recorder.flush();
    expect((await eventsOf(harness)).find(({ reason }) => reason === 'BackOff')?.count).toBe(26);
  });

  it('writes once what is said again while a slow sink is busy, and the newest trouble next', async () => {
    await using harness = await createHarness();
    let release: () => void = () => undefined;
    const busy = new Promise<void>((resolve) => {
      release = resolve;
    });
    const written: Event[] = [];
    const write = async (event: Event): Promise<Event> => {
      await busy;
      written.push(event);
      return event;
    };
    await using recorder = createEventRecorder({
      sink: { create: write, update: write },
      clock: harness.clock,
      logger: silentLogger,
      source: { component: 'tester' },
    });
    const about = aPod({ name: 'web', namespace: 'default', uid: 'u1' });
    recorder.record({ about, type: 'Normal', reason: 'Started', message: 'started' });
    const first = harness.clock.now();
    for (let second = 0; second < 5; second += 1) {
      recorder.record({ about, type: 'Warning', reason: 'Unhealthy', message: 'probe failed' });
      await harness.clock.advance(1_000);
    }
    recorder.record({ about, type: 'Normal', reason: 'Killing', message: 'killed' });
    release();
    await recorder.flush();
    expect(written.map(({ reason, count }) => [reason, count])).toEqual([
      ['Started', 1],
      ['Unhealthy', 5],
      ['Killing', 1],
    ]);
    expect(written[1]).toMatchObject({
      firstTimestamp: toRfc3339(first),
      lastTimestamp: toRfc3339(first + 4_000),
    });
  });

  it('gives way to the work that is told of, for a second at most', async () => {
    await using harness = await createHarness();
    await using recorder = createEventRecorder({
      sink: writerEventSink(harness.objects, harness.registry),
      clock: harness.clock,
      logger: silentLogger,
      source: { component: 'tester' },
      givesWay: true,
    });
    let said = 0;
    const say = async (ms: number): Promise<number> => {
      const about = aPod({ name: `web-${said}`, namespace: 'default', uid: `u${said}` });
      said += 1;
      recorder.record({ about, type: 'Normal', reason: 'Created', message: 'made' });
      await harness.clock.advance(ms);
      return (await eventsOf(harness)).length;
    };
    for (let step = 0; step < 5; step += 1) expect(await say(20)).toBe(0);
    await harness.clock.advance(100);
    expect(await eventsOf(harness)).toHaveLength(5);
    // Work that does not pause is told of all the same.
    for (let step = 0; step < 60; step += 1) await say(20);
    expect((await eventsOf(harness)).length).toBeGreaterThan(5);
  });

  it('creates new events together, and one that is refused keeps no other out', async () => {
    await using harness = await createHarness();
    const sink = writerEventSink(harness.objects, harness.registry);
    const sizes: number[] = [];
    const counting: EventSink = {
      ...sink,
      createAll(events) {
        sizes.push(events.length);
        return sink.createAll?.(events) ?? Promise.reject(new Error('no'));
      },
      create(event) {
        sizes.push(1);
        if (event.involvedObject.name === 'bad') return Promise.reject(new Error('refused'));
        return sink.create(event);
      },
    };
    await using recorder = createEventRecorder({
      sink: counting,
      clock: harness.clock,
      logger: silentLogger,
      source: { component: 'tester' },
    });
    const say = (name: string, namespace = 'default'): void =>
      recorder.record({
        about: aPod({ name, namespace, uid: name }),
        type: 'Normal',
        reason: 'Said',
        message: 'x',
      });
    for (let index = 0; index < 100; index += 1) say(`pod-${index}`);
    await recorder.flush();
    expect(sizes).toEqual([50, 50]);
    // Its namespace is no name: the whole commit is refused.
    say('bad', 'NO NAMESPACE');
    say('good');
    await recorder.flush();
    expect(sizes).toEqual([50, 50, 2, 1, 1]);
    const names = (await eventsOf(harness)).map(({ involvedObject }) => involvedObject.name);
    expect(names).toHaveLength(101);
    expect(names).toContain('good');
  });

  it('keeps room for others while one object says more than its rate', async () => {
    await using harness = await createHarness();
    await using recorder = aRecorder(harness);
    const set = aPod({ name: 'set', namespace: 'default', uid: 'u1' });
    for (let index = 0; index < 2_000; index += 1)
      recorder.record({ about: set, type: 'Normal', reason: 'Created', message: `Created pod ${index}` });
    const about = aPod({ name: 'web', namespace: 'default', uid: 'u2' });
    recorder.record({ about, type: 'Normal', reason: 'Said', message: 'hello' });
    await recorder.flush();
    expect((await eventsOf(harness)).map(({ involvedObject }) => involvedObject.name)).toContain('web');
  });
});
