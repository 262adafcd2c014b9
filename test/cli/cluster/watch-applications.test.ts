/** Following applications for longer than the server lets one watch last. */
import { PassThrough, Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { createColours } from '../../../src/cli/output/colours.ts';
import { followApplications } from '../../../src/cli/cluster/watch-applications.ts';
import type { ApiClient } from '../../../src/client/types.ts';
import type { Application } from '../../../src/schemas/types.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const application = (state: string): Application =>
  ({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name: 'root', namespace: 'symphony-system', resourceVersion: '1' },
    spec: {},
    status: { commitStatus: { state } },
  }) as unknown as Application;

/**
 * A server that ends each watch at once. List number n answers the n-th state, then the last one.
 * An empty state is no application.
 */
function following(states: readonly string[]) {
  const clock = createFakeClock();
  const stop = new AbortController();
  let lists = 0;
  const client = {
    async list() {
      const state = states[Math.min(lists, states.length - 1)] ?? '';
      lists += 1;
      return { items: state === '' ? [] : [application(state)], resourceVersion: String(lists) };
    },
    async *watch() {
      // Ends in order, without an event.
    },
  } as unknown as ApiClient;
  const io = { stdin: Readable.from([]), stdout: new PassThrough(), stderr: new PassThrough() };
  const colours = createColours(false);
  const code = followApplications({ client, io, colours, clock, signal: stop.signal });
  return { clock, code, stop, lists: () => lists };
}

it('goes on when the server ends a watch, with a pause, until all is settled', async () => {
  const { clock, code, lists } = following(['pending', 'pending', 'success']);
  await clock.advance(900);
  expect(lists()).toBe(1);
  await clock.advance(2_000);
  expect(await code).toBe(0);
  expect(lists()).toBe(3);
});

it('waits for a first application, and not for one that was deleted', async () => {
  const { clock, code, lists } = following(['', 'pending', '']);
  await clock.advance(10_000);
  expect(await code).toBe(1);
  expect(lists()).toBe(3);
});

it('ends with the signal, and says by its code that nothing is settled', async () => {
  const { clock, code, stop } = following(['pending']);
  await clock.advance(5_000);
  stop.abort();
  expect(await code).toBe(1);
  expect(clock.nextTimerAt).toBeUndefined();
});
