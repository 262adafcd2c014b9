/** Runs the programs of a place as an agent there would. */
import type { FollowProgram, RunProgram } from '../../../src/network/run-program.ts';
import { runProgram } from '../kubectl.ts';
import type { Place } from './place.ts';

export const programsOf =
  ({ within: [enter = '', ...words] }: Place): RunProgram =>
  async (program, args, input = '') => {
    const { code, stdout, stderr } = await runProgram(enter, [...words, program, ...args], { input });
    if (code !== 0) throw new Error(`Cannot run ${program}: ${stderr}`);
    return stdout;
  };

/** Follows a program of a place until it ends. */
export const followerOf =
  (place: Place): FollowProgram =>
  async (program, args, onLine) =>
    (await place.must(program, ...args)).split('\n').forEach(onLine);
