/**
 * `npm run soak -- --seeds N [--from SEED] [--scene workloads|deployments] [--length
 * whole|short|mixed]`: runs the simulation (test/simulation) over many seeds, on every core. Prints
 * what each failing seed found and how to replay it; exits 1 when there is one. `npm test` runs 520
 * runs of mixed length.
 */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { type Length, type Scene, runSimulation } from '../test/simulation/run.ts';

const DEFAULT_SEEDS = '1000';
const SCENES: readonly Scene[] = ['deployments', 'workloads'];
/** With mixed lengths, one seed of so many is whole: it costs as much as four short ones. */
const WHOLE_EVERY = 13;
const LENGTHS: Readonly<Record<string, (seed: number) => Length>> = {
  whole: () => 'whole',
  short: () => 'short',
  mixed: (seed) => (seed % WHOLE_EVERY === 0 ? 'whole' : 'short'),
};
const TRACE_LINES = 40;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: DEFAULT_SEEDS },
    from: { type: 'string', default: '1' },
    scene: { type: 'string' },
    length: { type: 'string', default: 'whole' },
    /** `i/n`: set by the parent, one process per core. */
    part: { type: 'string' },
  },
});
const scenes = SCENES.filter((scene) => (values.scene ?? scene) === scene);
const lengthOf = LENGTHS[values.length];
const [from, count] = [Number(values.from), Number(values.seeds)];
if (scenes.length === 0 || !lengthOf || !Number.isInteger(from) || !Number.isInteger(count)) {
  console.error(
    'usage: npm run soak -- --seeds N [--from SEED] [--scene workloads|deployments] [--length whole|short|mixed]',
  );
  process.exit(2);
}
if (values.part === undefined) await runParts(availableParallelism());
else await runPart(values.part, lengthOf);

async function runParts(parts: number): Promise<void> {
  const statuses = await Promise.all(
    Array.from({ length: parts }, (_, part) => {
      const child = fork(import.meta.filename, [...process.argv.slice(2), '--part', `${part}/${parts}`]);
      return new Promise<number>((resolve) => child.on('exit', (status) => resolve(status ?? 1)));
    }),
  );
  process.exit(Math.max(...statuses));
}

async function runPart(text: string, lengthAt: (seed: number) => Length): Promise<void> {
  const [part = 0, parts = 1] = text.split('/').map(Number);
  let [done, failed] = [0, 0];
  for (let seed = from + part; seed < from + count; seed += parts)
    for (const scene of scenes) {
      const length = lengthAt(seed);
      const { violations, trace } = await runSimulation({ seed, scene, length });
      done += 1;
      if (violations.length === 0) continue;
      failed += 1;
      console.log(`\nreplay: npm run soak -- --seeds 1 --from ${seed} --scene ${scene} --length ${length}`);
      console.log(trace.slice(-TRACE_LINES).join('\n'));
    }
  console.log(`part ${text}: ${failed} of ${done} runs failed`);
  process.exit(failed > 0 ? 1 : 0);
}
