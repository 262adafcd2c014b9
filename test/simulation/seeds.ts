/**
 * The seeds that are run: 200, shared between the test files so that they run side by side.
 * `SYMPHONY_SIM_SEEDS` sets another number, `SYMPHONY_SIM_SEED` replays one.
 */
import { describe, expect, it } from 'vitest';
import { type RunResult, runSimulation } from './run.ts';

const DEFAULT_SEEDS = 200;
const TRACE_LINES = 60;

export function describeSeeds(part: number, parts: number): void {
  const one = process.env['SYMPHONY_SIM_SEED'];
  const count = Number(process.env['SYMPHONY_SIM_SEEDS'] ?? DEFAULT_SEEDS);
  const seeds = one === undefined ? Array.from({ length: count }, (_, index) => index + 1) : [Number(one)];
  const mine = seeds.filter((seed) => (one === undefined ? seed % parts === part : part === 0));
  describe.skipIf(mine.length === 0)('a cluster through commits, faults and restarts', () => {
    it.each(mine)('keeps every invariant with seed %i', async (seed) => {
      const result = await runSimulation({ seed });
      expect(result.violations, explain(result)).toEqual([]);
    });
  });
}

function explain({ seed, trace, violations }: RunResult): string {
  if (violations.length === 0) return '';
  return [
    `replay: SYMPHONY_SIM_SEED=${seed} npx vitest run --project simulation`,
    ...trace.slice(-TRACE_LINES),
  ].join('\n');
}
