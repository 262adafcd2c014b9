/** One pull of an image: its time-out and its failure. */
import { anySignal, createAbort } from '../../../base/abort.ts';
import type { Clock, Timer } from '../../../base/clock.ts';
import { isRecord } from '../../../base/json.ts';
import { type RegistryAuth, RuntimeError } from '../types.ts';
import type { Engine } from './engine.ts';
import { engineMessage, toRuntimeError } from './engine-errors.ts';
import { jsonLines } from './json-lines.ts';

export interface PullRequest {
  readonly reference: string;
  readonly auth: RegistryAuth | undefined;
  readonly signal: AbortSignal;
}

/** A registry hangs if the Engine reports nothing for this long during a pull. */
const PULL_SILENCE_MS = 300_000;
const SILENT = `no progress for ${PULL_SILENCE_MS / 1000} s`;

export async function pullImage({ docker }: Engine, clock: Clock, request: PullRequest): Promise<void> {
  const { reference, auth, signal } = request;
  const silence = createAbort();
  using either = anySignal(signal, silence.signal);
  const watchdog = (): Timer => clock.setTimer(() => silence.abort(), PULL_SILENCE_MS);
  let timer = watchdog();
  try {
    signal.throwIfAborted();
    const source = await docker.createImage({
      fromImage: reference,
      abortSignal: either,
      ...(auth ? { authconfig: authConfigOf(auth) } : {}),
    });
    for await (const line of jsonLines(source as AsyncIterable<Buffer>)) {
      timer.cancel();
      timer = watchdog();
      throwFailure(line);
    }
  } catch (error) {
    const ended = signal.aborted ? 'cancelled' : silence.signal.aborted ? SILENT : undefined;
    throw pullError(reference, error, ended);
  } finally {
    timer.cancel();
  }
}

const authConfigOf = ({ username, password, serverAddress }: RegistryAuth): Record<string, string> => ({
  username,
  password,
  serveraddress: serverAddress,
});

/** `ended`: why we ended the pull ourselves. */
function pullError(reference: string, error: unknown, ended: string | undefined): RuntimeError {
  const action = `pull image "${reference}"`;
  const unreachable = ended === undefined && toRuntimeError(action, error).code === 'unavailable';
  const detail = ended ?? engineMessage(error);
  const code = unreachable ? 'unavailable' : 'image-pull';
  return new RuntimeError(code, `Cannot ${action}: ${detail}`, { cause: error, detail });
}

/** A failure after the answer's status was sent is a line of the answer. */
export function throwFailure(line: unknown): void {
  if (isRecord(line) && typeof line['error'] === 'string') throw new Error(line['error']);
}
