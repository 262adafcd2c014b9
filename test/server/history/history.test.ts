/** Rebuild before destroy: what is remembered of the store, and how its loss is noticed. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Clock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { seededRng } from '../../../src/base/rng.ts';
import { openDataDir } from '../../../src/server/start/data-dir.ts';
import { type HistoryWatch, openHistory } from '../../../src/server/history/history.ts';
import { anObject } from '../../contracts/store.ts';
import { createMemoryData, wipeMemoryData } from '../../doubles/memory-store/memory-data.ts';
import { createMemoryStore } from '../../doubles/memory-store/memory-store.ts';
import { EpochChanged } from '../../../src/store/types.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';

describe('the history of the store', () => {
  let root: string;
  let clock: FakeClock;
  let data: ReturnType<typeof createMemoryData>;
  let seed = 0;
  const open: HistoryWatch[] = [];

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'symphony-history-'));
    clock = createFakeClock();
    data = createMemoryData({ clock });
  });
  afterEach(async () => {
    for (const history of open.splice(0)) await history[Symbol.asyncDispose]();
    await clock.advance(1_000);
    await rm(root, { recursive: true, force: true });
  });

  /** A control plane's start on whatever the data is now. */
  async function start(agentsMayExist = false, time: Clock = clock): Promise<HistoryWatch> {
    seed += 1;
    const store = createMemoryStore({ clock, data });
    const dataDir = await openDataDir(root);
    const history = await openHistory({
      store,
      dataDir,
      clock: time,
      rng: seededRng(seed),
      logger: silentLogger,
      agentsMayExist,
    });
    open.push(history);
    return history;
  }

  it('begins anew on a first start and goes on normally on the next', async () => {
    expect((await start()).phase).toBe('normal');
    expect((await start()).phase).toBe('normal');
  });

  it('rebuilds when the data is gone at the start', async () => {
    await start();
    wipeMemoryData(data);
    expect((await start()).phase).toBe('rebuilding');
  });

  it('finishes a rebuild that was interrupted', async () => {
    await start();
    wipeMemoryData(data);
    await start();
    expect((await start()).phase).toBe('rebuilding');
  });

  it('hears that another control plane has finished the rebuild', async () => {
    await start();
    wipeMemoryData(data);
    const history = await start();
    let isRebuilt = false;
    void history.rebuilt.then(() => {
      isRebuilt = true;
    });
    await clock.advance(5_000);
    expect(isRebuilt).toBe(false);
    const leader = createMemoryStore({ clock, data });
    const state = await leader.clusterState();
    if (state) await leader.setClusterState({ ...state, phase: 'normal' }, state);
    await clock.advance(1_000);
    expect(isRebuilt).toBe(true);
  });

  it('says that its view is old when another control plane makes the state in the same moment', async () => {
    wipeMemoryData(data);
    const outcomes = await Promise.allSettled([start(), start()]);
    const errors = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
    );
    expect(errors).toEqual([expect.any(EpochChanged)]);
    expect((await start()).phase).toBe('normal');
  });

  it('takes a damaged record for none', async () => {
    await start();
    await writeFile(join(root, 'history.json'), '{"epoch": 7');
    wipeMemoryData(data);
    expect((await start()).phase).toBe('normal');
  });

  it('goes on writing down what it sees when the clock is set back by a day', async () => {
    let shiftMs = 0;
    await start(false, { ...clock, now: () => clock.now() + shiftMs });
    await clock.advance(2_000);
    shiftMs = -86_400_000;
    const store = createMemoryStore({ clock, data });
    const object = anObject('a');
    const { version } = await store.commit([
      { type: 'create', resource: 'configmaps', key: 'default/a', object },
    ]);
    await clock.advance(10_000);
    await vi.waitFor(async () => {
      const text = await readFile(join(root, 'history.json'), 'utf8');
      expect(JSON.parse(text)).toMatchObject({ version });
    });
  });

  it('notices within a second that the data has gone', async () => {
    const history = await start();
    let lost: string | undefined;
    void history.lost.then((why) => {
      lost = why;
    });
    await clock.advance(5_000);
    expect(lost).toBeUndefined();
    wipeMemoryData(data);
    await clock.advance(1_000);
    expect(lost).toMatch(/./);
  });
});
