import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { replaySection } from './replay.ts';

const fixtures = join(import.meta.dirname, '..', 'fixtures', 'facts');

describe('recorded facts', () => {
  it.each(['tables', 'patches'] as const)('every recorded case of %s of our kinds holds', async (section) => {
    const results = await replaySection(section, fixtures);
    expect(results.length).toBeGreaterThan(20);
    expect(results.filter(({ failures }) => failures.length > 0)).toEqual([]);
  });
});
