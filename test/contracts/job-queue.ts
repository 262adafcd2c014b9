/**
 * The contract of every adapter of the job queues. `until` lets time pass until a condition holds.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Queues, SyncJob } from '../../src/queue/types.ts';

export interface QueuesBackend extends AsyncDisposable {
  readonly queues: Queues;
  until(condition: () => boolean): Promise<void>;
}

const job = (application: string, reason = 'test'): SyncJob => ({ application, reason });

/** A promise that a test settles. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

export function jobQueueContract(name: string, createBackend: () => Promise<QueuesBackend>): void {
  describe(`the job queues' contract: ${name}`, () => {
    let backend: QueuesBackend;
    let queues: Queues;
    beforeEach(async () => {
      backend = await createBackend();
      queues = backend.queues;
    });
    afterEach(() => backend[Symbol.asyncDispose]());

    /** Starts a worker that notes what it is given. */
    const collect = (concurrency = 1, work: (payload: SyncJob) => Promise<void> = async () => undefined) => {
      const seen: SyncJob[] = [];
      const worker = queues.work<SyncJob>('sync', {
        concurrency,
        async process(payload) {
          seen.push(payload);
          await work(payload);
        },
      });
      return { seen, worker };
    };

    it('runs the jobs in the order in which they were added', async () => {
      const sync = queues.queue<SyncJob>('sync');
      await sync.add(job('a'));
      await sync.add(job('b'));
      const { seen } = collect();
      await sync.add(job('c'));
      await backend.until(() => seen.length === 3);
      expect(seen).toEqual([job('a'), job('b'), job('c')]);
    });

    it('keeps queues apart', async () => {
      const { seen } = collect();
      await queues.queue('placement').add({ pods: ['default/p'] });
      await queues.queue<SyncJob>('sync').add(job('a'));
      await backend.until(() => seen.length > 0);
      expect(seen).toEqual([job('a')]);
    });

    it('collapses the waiting jobs of one key, and only those', async () => {
      const sync = queues.queue<SyncJob>('sync');
      for (let n = 0; n < 20; n += 1) await sync.add(job('a', `webhook ${n}`), { key: 'a' });
      await sync.add(job('b'), { key: 'b' });
      await sync.add(job('c'));
      await sync.add(job('c'));
      const { seen } = collect();
      await backend.until(() => seen.length === 4);
      expect(seen.map(({ application }) => application)).toEqual(['a', 'b', 'c', 'c']);
    });

    it('runs a key once more when jobs of it come while one is active, and never two at once', async () => {
      const sync = queues.queue<SyncJob>('sync');
      const first = gate();
      let running = 0;
      let most = 0;
      const { seen } = collect(4, async () => {
        running += 1;
        most = Math.max(most, running);
        if (seen.length === 1) await first.opened;
        running -= 1;
      });
      await sync.add(job('a', 'first'), { key: 'a' });
      await backend.until(() => seen.length === 1);
      for (const reason of ['second', 'third', 'last']) await sync.add(job('a', reason), { key: 'a' });
      first.open();
      await backend.until(() => seen.length === 2);
      await sync.add(job('end'), { key: 'end' });
      await backend.until(() => seen.some(({ application }) => application === 'end'));
      expect(seen.map(({ reason }) => reason)).toEqual(['first', 'last', 'test']);
      expect(most).toBe(1);
    });

    it('takes a key anew once its job is done', async () => {
      const sync = queues.queue<SyncJob>('sync');
      const { seen } = collect();
      await sync.add(job('a', 'first'), { key: 'a' });
      await backend.until(() => seen.length === 1);
      // The first job may just be ending: then the second one follows it.
      await sync.add(job('a', 'second'), { key: 'a' });
      await backend.until(() => seen.length === 2);
      expect(seen.map(({ reason }) => reason)).toEqual(['first', 'second']);
    });

    it('tries a failed job again', async () => {
      const { seen } = collect(1, async () => {
        if (seen.length < 3) throw new Error('Not yet');
      });
      await queues.queue<SyncJob>('sync').add(job('a'), { key: 'a' });
      await backend.until(() => seen.length === 3);
      expect(seen).toEqual([job('a'), job('a'), job('a')]);
    });

    it('gives up after the last attempt, and takes the key again', async () => {
      let failing = true;
      const { seen } = collect(1, async () => {
        if (failing) throw new Error('Always');
      });
      const sync = queues.queue<SyncJob>('sync');
      await sync.add(job('a'), { key: 'a' });
      await backend.until(() => seen.length === TEST_ATTEMPTS);
      await sync.add(job('end'));
      await backend.until(() => seen.length >= TEST_ATTEMPTS + 1);
      failing = false;
      await sync.add(job('a', 'again'), { key: 'a' });
      await backend.until(() => seen.some(({ reason }) => reason === 'again'));
      expect(seen.filter(({ application, reason }) => application === 'a' && reason === 'test')).toHaveLength(
        TEST_ATTEMPTS,
      );
    });

    it('runs as many jobs at once as it may, and no more', async () => {
      const sync = queues.queue<SyncJob>('sync');
      const open = gate();
      let running = 0;
      let most = 0;
      const { seen } = collect(3, async () => {
        running += 1;
        most = Math.max(most, running);
        await open.opened;
        running -= 1;
      });
      for (let n = 0; n < 6; n += 1) await sync.add(job(`a${n}`));
      await backend.until(() => running === 3);
      open.open();
      await backend.until(() => seen.length === 6);
      expect(most).toBe(3);
    });

    it('holds a delayed job back', async () => {
      const sync = queues.queue<SyncJob>('sync');
      const { seen } = collect();
      await sync.add(job('later'), { delayMs: 400 });
      await sync.add(job('now'));
      await backend.until(() => seen.length === 2);
      expect(seen.map(({ application }) => application)).toEqual(['now', 'later']);
    });

    it('waits for the running job when a worker is disposed, and tells it to end', async () => {
      const sync = queues.queue<SyncJob>('sync');
      const events: string[] = [];
      const worker = queues.work<SyncJob>('sync', {
        concurrency: 1,
        async process(_payload, signal) {
          events.push('begun');
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
          events.push('ended');
        },
      });
      await sync.add(job('a'));
      await backend.until(() => events.length === 1);
      await worker[Symbol.asyncDispose]();
      expect(events).toEqual(['begun', 'ended']);
      await sync.add(job('b'));
      const { seen } = collect();
      await backend.until(() => seen.length === 1);
      expect(seen).toEqual([job('b')]);
    });

    it('is healthy while it works', async () => {
      const { seen } = collect();
      await queues.queue<SyncJob>('sync').add(job('a'));
      await backend.until(() => seen.length === 1);
      expect(queues.healthy()).toBe(true);
    });
  });
}

/** The adapters under test try a job this often. */
export const TEST_ATTEMPTS = 4;
