/**
 * The seeds that are run: 200 of Deployments and 320 shorter ones of the other workloads, shared
 * between the test files so that they run side by side. `SYMPHONY_SIM_SEEDS` sets another number,
 * `SYMPHONY_SIM_SEED` replays one; `SYMPHONY_SIM_SCENE` chooses the scene. `npm run soak` runs
 * thousands.
 */
import { describe, expect, it } from 'vitest';
import { type RunResult, type Scene, runSimulation } from './run.ts';

const DEFAULT_SEEDS: Readonly<Record<Scene, number>> = { deployments: 200, workloads: 320 };
const TRACE_LINES = 60;

export function describeSeeds(scene: Scene, part: number, parts: number): void {
  const one = process.env['SYMPHONY_SIM_SEED'];
  const chosen = process.env['SYMPHONY_SIM_SCENE'] ?? scene;
  const count = Number(process.env['SYMPHONY_SIM_SEEDS'] ?? DEFAULT_SEEDS[scene]);
  const seeds = one === undefined ? Array.from({ length: count }, (_, index) => index + 1) : [Number(one)];
  const mine = seeds.filter((seed) => (one === undefined ? seed % parts === part : part === 0));
  describe.skipIf(mine.length === 0 || chosen !== scene)(`a cluster of ${scene} through faults`, () => {
    it.each(mine)('keeps every invariant with seed %i', async (seed) => {
      const result = await runSimulation({ seed, scene });
      expect(result.violations, explain(scene, result)).toEqual([]);
    });
  });
}

function explain(scene: Scene, { seed, trace, violations }: RunResult): string {
  if (violations.length === 0) return '';
  return [
    `replay: SYMPHONY_SIM_SCENE=${scene} SYMPHONY_SIM_SEED=${seed} npx vitest run --project simulation`,
    ...trace.slice(-TRACE_LINES),
  ].join('\n');
}
