/** Why an address cannot be listened on; any other error stays as it is. */
import { formatHostPort, type HostPort } from '../../config/values.ts';
import { UserError } from '../../base/errors.ts';
import { listeningProcess } from '../../base/listening-process.ts';

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there',
  EADDRNOTAVAIL: 'it is no address of this machine',
  EACCES: 'this user may not listen there',
  ENOTFOUND: 'the name is not known',
};

export function listenFailure<E>(
  error: E,
  flag: '--listen' | '--webhook-listen',
  listen: HostPort,
  findProcess = listeningProcess,
): E | UserError {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  const reason = code === undefined ? undefined : REASONS[code];
  if (reason === undefined) return error;
  const address = formatHostPort(listen);
  const other = code === 'EADDRINUSE' ? findProcess(listen.port) : undefined;
  return new UserError(
    `Cannot listen on ${address}: ${other === undefined ? reason : `${other} listens there`}; choose another address with ${flag}`,
    { cause: error },
  );
}
