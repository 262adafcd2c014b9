/** Runs the programs of a place as an agent there would. */
import type { RunProgram } from '../../../src/network/run-program.ts';
import { runProgram } from '../kubectl.ts';
import type { Place } from './place.ts';

export const programsOf =
  ({ within: [enter = '', ...words] }: Place): RunProgram =>
  async (program, args, input = '') => {
    const { code, stdout, stderr } = await runProgram(enter, [...words, program, ...args], { input });
    if (code !== 0) throw new Error(`Cannot run ${program}: ${stderr}`);
    return stdout;
  };
