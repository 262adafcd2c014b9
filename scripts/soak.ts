/**
 * `npm run soak -- --seeds N [--from SEED] [--scene workloads|deployments]`: runs the simulation
 * (test/simulation) over many seeds, on every core. Prints what each failing seed found and how to
 * replay it; exits 1 when there is one.
 */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { type Scene, runSimulation } from '../test/simulation/run.ts';

const DEFAULT_SEEDS = '1000';
const SCENES: readonly Scene[] = ['deployments', 'workloads'];

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: DEFAULT_SEEDS },
    from: { type: 'string', default: '1' },
    scene: { type: 'string' },
    /** `i/n`: set by the parent, one process per core. */
    part: { type: 'string' },
  },
});
const scenes = SCENES.filter((scene) => (values.scene ?? scene) === scene);
const [from, count] = [Number(values.from), Number(values.seeds)];
if (scenes.length === 0 || !Number.isInteger(from) || !Number.isInteger(count)) {
  console.error('usage: npm run soak -- --seeds N [--from SEED] [--scene workloads|deployments]');
  process.exit(2);
}
if (values.part === undefined) await runParts(availableParallelism());
else await runPart(values.part);

async function runParts(parts: number): Promise<void> {
  const statuses = await Promise.all(
    Array.from({ length: parts }, (_, part) => {
      const child = fork(import.meta.filename, [...process.argv.slice(2), '--part', `${part}/${parts}`]);
      return new Promise<number>((resolve) => child.on('exit', (status) => resolve(status ?? 1)));
    }),
  );
  process.exit(Math.max(...statuses));
}

async function runPart(text: string): Promise<void> {
  const [part = 0, parts = 1] = text.split('/').map(Number);
  let failed = 0;
  for (let seed = from + part; seed < from + count; seed += parts)
    for (const scene of scenes) {
      const { violations, trace } = await runSimulation({ seed, scene });
      if (violations.length === 0) continue;
      failed += 1;
      console.log(
        `\nreplay: SYMPHONY_SIM_SCENE=${scene} SYMPHONY_SIM_SEED=${seed} npx vitest run --project simulation`,
      );
      console.log(trace.slice(-15).join('\n'));
    }
  console.log(`part ${text}: ${failed} failed`);
  process.exit(failed > 0 ? 1 : 0);
}
