import { expect, it } from 'vitest';
import { CONTINUE_LIFETIME_MS } from '../../src/resources/reading/page-ages.ts';
import { isStatusError, type StatusError } from '../../src/schemas/errors/status.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { kindNamed, plainWrite, startTestCore } from '../api/test-api.ts';

it('a list of pages ends in time, and can be gone on with, though not consistently', async () => {
  const clock = createFakeClock();
  await using world = await startTestCore(clock);
  const kind = kindNamed('ConfigMap');
  const collection = { kind, namespace: 'default' };
  const add = (name: string): Promise<unknown> =>
    world.core.create(collection, { metadata: { name } }, plainWrite, world.context);
  for (const name of ['a', 'b', 'c', 'd']) await add(name);
  const first = await world.core.list(collection, { limit: 1 });
  await clock.advance(CONTINUE_LIFETIME_MS - 1);
  await add('bb');
  const second = await world.core.list(collection, { limit: 1, continue: first.continue ?? '' });
  expect(second.objects.map(({ metadata }) => metadata.name)).toEqual(['b']);
  expect(second.resourceVersion).toBe(first.resourceVersion);

  // A later page is as old as the first one.
  await clock.advance(2);
  const failed = await world.core
    .list(collection, { limit: 1, continue: second.continue ?? '' })
    .catch((error: unknown) => error);
  expect(isStatusError(failed, 'Expired')).toBe(true);
  const { status } = failed as StatusError;
  expect(status.code).toBe(410);
  expect(status.message).toContain('The provided continue parameter is too old');

  // A list that begins now has all its time, though nothing has changed.
  const quiet = await world.core.list(collection, { limit: 1 });
  await clock.advance(CONTINUE_LIFETIME_MS + 1);
  const again = await world.core.list(collection, { limit: 1 });
  expect(again.continue).toBe(quiet.continue);
  await expect(world.core.list(collection, { continue: again.continue ?? '' })).resolves.toMatchObject({
    resourceVersion: again.resourceVersion,
  });

  const rest = await world.core.list(collection, { continue: String(status.metadata['continue']) });
  expect(rest.objects.map(({ metadata }) => metadata.name)).toEqual(['bb', 'c', 'd']);
});
