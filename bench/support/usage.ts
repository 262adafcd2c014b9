/**
 * The usage of a process, from /proc: CPU time since its start, and resident memory now. Linux
 * only.
 */
import { readFileSync, readdirSync } from 'node:fs';

/** USER_HZ: the unit of the times in /proc, 100 on every Linux architecture that Node runs on. */
const TICKS_PER_SECOND = 100;
const KIB = 1024;

export interface Usage {
  readonly cpuSeconds: number;
  /** CPU of its children that have ended, with theirs. */
  readonly endedCpuSeconds: number;
  readonly residentMib: number;
}

export function usageOf(pid: number): Usage {
  const fields = statOf(pid);
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const resident = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
  // Fields 14 and 15 of proc(5), counted from the state, which is field 3.
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    endedCpuSeconds: (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND,
    residentMib: resident / KIB,
  };
}

export function childrenOf(pid: number): readonly { readonly pid: number; readonly name: string }[] {
  return processes().flatMap((candidate) => {
    try {
      if (Number(statOf(candidate)[1]) !== pid) return [];
      return [{ pid: candidate, name: readFileSync(`/proc/${candidate}/comm`, 'utf8').trim() }];
    } catch {
      return []; // It ended while we looked.
    }
  });
}

/** All processes of a name together: the Engine's share of the machine. */
export function cpuSecondsOf(name: string): number {
  let total = 0;
  for (const pid of processes()) {
    try {
      if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === name) total += usageOf(pid).cpuSeconds;
    } catch {
      // It ended while we looked.
    }
  }
  return total;
}

function processes(): readonly number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
}

/** The fields after the command's name, which may itself contain blanks and brackets. */
function statOf(pid: number): readonly string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}
