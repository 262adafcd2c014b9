/**
 * A shell script for a library that starts a program itself and ends only that process. `sh SCRIPT
 * ARGUMENTS…` runs the program in its own group, and any end of the script ends the group. Without
 * util-linux the script only becomes the program.
 */
import { type ProcessLimits, confinement, sessionLeader } from './confinement.ts';
import { childMark } from './process-identity.ts';

const OWNER = 'SYMPHONY_OWNER';

/**
 * `kill 0` means the whole group, the shell included. The owner's death arrives as TERM. An owner
 * that died before is seen by the parent's id. Helpers that outlive the program end after it.
 */
const LEADER = `[ "$PPID" = "$${OWNER}" ] || exit 125
trap 'kill -KILL 0' HUP INT TERM
PROGRAM "$@" </dev/null &
wait $!
status=$?
[ $status -le 128 ] || echo "PROGRAM was ended by signal $((status - 128))" >&2
trap '' TERM
kill -TERM 0
exit $status
`;

export function groupLauncher(program: 'git', limits: ProcessLimits): string {
  const leader = sessionLeader();
  if (leader.length === 0) return `exec ${program} "$@"\n`;
  const words = [...leader, ...confinement(limits, 'TERM'), 'sh', '-c'];
  return `exec ${words.join(' ')} '${LEADER.replaceAll("'", `'\\''`).replaceAll('PROGRAM', program)}' ${program} "$@"\n`;
}

/** The variables that the launcher needs. */
export function launcherEnvironment(purpose: string): Readonly<Record<string, string>> {
  return { ...childMark(purpose), [OWNER]: String(process.pid) };
}
