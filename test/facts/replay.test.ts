import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { deliberateDifferences } from './differences.ts';
import { placeOf, replaySection } from './sections.ts';

const fixtures = join(import.meta.dirname, '..', 'fixtures', 'facts');

/** Cases in the folder; fewer would mean that some were lost on the way. */
const LEAST = {
  discovery: 15,
  openapi: 280,
  defaulting: 28,
  errors: 150,
  patches: 50,
  'lists-watch': 20,
  tables: 32,
  authz: 140,
} as const;

describe('facts recorded of our kinds', () => {
  it.each(Object.keys(LEAST) as readonly (keyof typeof LEAST)[])(
    'every case of %s that differences.ts does not list holds',
    async (section) => {
      const results = await replaySection(section, placeOf(section, fixtures)!);
      expect(results.filter(({ leftOut }) => leftOut === undefined).length).toBeGreaterThanOrEqual(
        LEAST[section],
      );
      expect(results.filter(({ failures }) => failures.length > 0)).toEqual([]);
    },
  );

  it('every difference has a reason and is listed once', () => {
    const names = deliberateDifferences.map(({ section, name }) => `${section}/${name}`);
    expect(new Set(names).size).toBe(names.length);
    for (const { reason } of deliberateDifferences) expect(reason).not.toBe('');
  });
});
