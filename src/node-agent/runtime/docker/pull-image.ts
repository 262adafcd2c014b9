/** One pull of an image: its progress, its time-out and its failure. */
import { createAbort } from '../../../base/abort.ts';
import type { Clock, Timer } from '../../../base/clock.ts';
import { isRecord } from '../../../base/json.ts';
import { type PullProgress, type RegistryAuth, RuntimeError } from '../types.ts';
import type { Engine } from './engine.ts';
import { engineMessage, toRuntimeError } from './engine-errors.ts';
import { jsonLines } from './json-lines.ts';

export interface PullRequest {
  readonly reference: string;
  readonly auth: RegistryAuth | undefined;
  readonly onProgress: (progress: PullProgress) => void;
  readonly signal: AbortSignal;
}

/** A registry hangs if the Engine reports nothing for this long during a pull. */
const PULL_SILENCE_MS = 300_000;

export async function pullImage({ docker }: Engine, clock: Clock, request: PullRequest): Promise<void> {
  const { reference, auth, onProgress, signal } = request;
  const stop = createAbort();
  let silent = false;
  const cancel = (): void => stop.abort();
  const watchdog = (): Timer =>
    clock.setTimer(() => {
      silent = true;
      stop.abort();
    }, PULL_SILENCE_MS);
  let timer = watchdog();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    if (signal.aborted) throw new Error('cancelled');
    const source = await docker.createImage({
      fromImage: reference,
      abortSignal: stop.signal,
      ...(auth ? { authconfig: authConfigOf(auth) } : {}),
    });
    for await (const line of jsonLines(source as AsyncIterable<Buffer>)) {
      timer.cancel();
      timer = watchdog();
      reportLine(line, onProgress);
    }
  } catch (error) {
    throw pullError(reference, error, signal.aborted ? 'cancelled' : silent ? SILENT : undefined);
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', cancel);
  }
}

const SILENT = `no progress for ${PULL_SILENCE_MS / 1000} s`;

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

/**
 * Reports one line's progress, or throws the error that ended the pull after its status was sent.
 */
export function reportLine(line: unknown, onProgress?: (progress: PullProgress) => void): void {
  if (!isRecord(line)) return;
  if (typeof line['error'] === 'string') throw new Error(line['error']);
  const detail = isRecord(line['progressDetail']) ? line['progressDetail'] : {};
  onProgress?.({
    status: typeof line['status'] === 'string' ? line['status'] : '',
    ...(typeof line['id'] === 'string' ? { layer: line['id'] } : {}),
    ...(typeof detail['current'] === 'number' ? { currentBytes: detail['current'] } : {}),
    ...(typeof detail['total'] === 'number' ? { totalBytes: detail['total'] } : {}),
  });
}
