/**
 * Writes of this process that its caches may not show yet: where waiting for the caches failed, or
 * the answer to the write was lost. Nothing is planned before they are met.
 */
import type { Eventually } from '../../base/eventually.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import type { ResourceCache } from './cache.ts';
import { laterVersion } from '../version.ts';

export interface Expectations {
  expect(resource: ResourceId, version?: string): void;
  caughtUp(signal?: AbortSignal): Promise<void> | undefined;
}

interface Expected {
  /** '0' where only the store knows. */
  readonly version: string;
  readonly mustAsk: boolean;
}

export function createExpectations(open: (resource: ResourceId) => Eventually<ResourceCache>): Expectations {
  const expected = new Map<ResourceId, Expected>();

  async function meet(
    resource: ResourceId,
    { version, mustAsk }: Expected,
    signal?: AbortSignal,
  ): Promise<void> {
    const cache = await open(resource);
    if (mustAsk) await cache.refresh(signal);
    await cache.waitFor(version, signal);
  }

  return {
    expect(resource, version) {
      const before = expected.get(resource);
      expected.set(resource, {
        version: laterVersion(before?.version ?? '0', version ?? '0'),
        mustAsk: version === undefined || before?.mustAsk === true,
      });
    },
    caughtUp(signal) {
      if (expected.size === 0) return undefined;
      const all = [...expected].map(async ([resource, one]) => {
        await meet(resource, one, signal);
        // A newer expectation may have replaced this one.
        if (expected.get(resource) === one) expected.delete(resource);
      });
      return Promise.all(all).then(() => undefined);
    },
  };
}
