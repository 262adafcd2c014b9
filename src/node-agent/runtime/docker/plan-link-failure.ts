/** Why a container that the agent connects did not start, in the Engine's words. Pure. */
import { ABSENT_NAME, DENIED_NAME } from '../../images/waiting-program.ts';
import { errorMessage } from '../../../base/errors.ts';
import { RuntimeError } from '../types.ts';

/** The waiting program found none that it may execute; its name says why. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure';
}

/** Another container that runs has the address. */
export class AddressTaken extends Error {
  override readonly name = 'AddressTaken';
}

/** The name that the waiting program takes when it cannot go on. */
export const isFailure = (name: string): boolean => name === ABSENT_NAME || name === DENIED_NAME;

/** `program`: the first word of the container's command. */
export function linkFailure(id: string, error: unknown, program: string): RuntimeError {
  const fail = (code: 'invalid' | 'address' | 'network', detail: string): RuntimeError =>
    new RuntimeError(code, `Cannot start container "${id}": ${detail}`, { cause: error, detail });
  if (error instanceof AddressTaken) return fail('address', 'address already in use');
  if (!(error instanceof StartFailure))
    return fail('network', `failed to set up container networking: ${errorMessage(error)}`);
  const why =
    error.message === DENIED_NAME
      ? 'permission denied'
      : program.includes('/')
        ? `stat ${program}: no such file or directory`
        : 'executable file not found in $PATH';
  return fail(
    'invalid',
    `OCI runtime create failed: unable to start container process: exec: ${JSON.stringify(program)}: ${why}`,
  );
}
