/** Why a fetch failed, in git's words and without credentials. Pure. */
import { TransientError, UserError, errorMessage } from '../../base/errors.ts';
import { cutMiddle } from '../../base/text.ts';
import { redactCredentials } from './git-url.ts';
import { complaintLines } from './parse-output.ts';

/** At most this much of git's words, and of the server's within them, is examined. */
const MAX_EXAMINED = 8_192;
/** And this much is shown. Servers greet at length; git says at the end what is wrong. */
const MAX_SHOWN = 500;

const UNREACHABLE =
  /could not resolve host|abort|block timeout|timed out|timeout|connection (refused|reset)|couldn't connect|failed to connect|network is unreachable|remote end hung up|early eof|HTTP 5\d\d|returned error: (5\d\d|429)|operation too slow|Empty reply|gnutls|SSL_|ssl certificate|Broken pipe|RPC failed/i;

/** The limits of git-process.ts, in the words of git and its helpers. */
const TOO_LARGE =
  /out of memory|malloc failed|memory exhausted|cannot allocate memory|file too large|ended by signal 25/i;

/** The control plane's machine lacks something, in the system's words: no commit is to blame. */
const LACKING =
  /no space left on device|disk quota exceeded|read-only file system|too many open files|input\/output error|resource temporarily unavailable|cannot (fork|create (async )?thread)|unable to create (threaded|temporary file)/i;

export const examinedText = (error: unknown): string => cutMiddle(errorMessage(error), MAX_EXAMINED);

/** One line. */
export function gitComplaint(error: unknown): string {
  // How long it took makes no other failure: the status would be written again for it.
  const text = redactCredentials(examinedText(error)).replaceAll(/ after \d+ ms\b/g, '');
  return cutMiddle(complaintLines(text).join('; '), MAX_SHOWN);
}

/** The class of the error says whether trying again can help. */
export function planFetchFailure(repository: string, error: unknown): Error {
  const text = examinedText(error);
  const message = `Cannot fetch "${repository}": ${gitComplaint(error)}`;
  if (error instanceof UserError) return new UserError(message);
  if (TOO_LARGE.test(text))
    return new UserError(`${message}; the repository is larger than the limits of Symphony`);
  if (LACKING.test(text))
    return new TransientError(`${message}; the control plane's machine has to be looked after`);
  if (UNREACHABLE.test(text) || !/fatal:|not found|denied|authentication/i.test(text))
    return new TransientError(message);
  return new UserError(message);
}
