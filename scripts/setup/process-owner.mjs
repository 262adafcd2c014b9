/**
 * Which process works in a directory: `owner.json` names it by id and start time (proc(5)), as
 * `symphony` does.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = 'owner.json';

export function ownDirectory(directory) {
  const owner = { pid: process.pid, startTime: startTimeOf(process.pid) };
  writeFileSync(join(directory, FILE), `${JSON.stringify(owner)}\n`);
}

/** @returns {number | undefined} the process, when it still runs */
export function livingOwner(directory) {
  try {
    const { pid, startTime } = JSON.parse(readFileSync(join(directory, FILE), 'utf8'));
    return startTime !== undefined && startTime === startTimeOf(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined when the process has ended. */
function startTimeOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
