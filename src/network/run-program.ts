/** Programs of the host that change its network. All of them are short. */
import { readChild } from '../base/child-processes/child-process.ts';

/** Answers what the program wrote; rejects with its complaint. */
export type RunProgram = (program: string, args: readonly string[], input?: string) => Promise<string>;

/** A table with 10,000 Services is written in two seconds. */
const TIMEOUT_MS = 60_000;
/** Debian keeps them in sbin, which is not on everybody's PATH. */
export const programPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const env = { PATH: programPath, LC_ALL: 'C' };

export const runProgram: RunProgram = (program, args, input = '') =>
  readChild('network', program, args, { timeoutMs: TIMEOUT_MS, env, input });
