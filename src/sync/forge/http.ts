/** HTTP as the forges need it: JSON out, status and a bounded text back, never without a time-out. */
import { createAbort } from '../../base/abort.ts';
import type { Clock } from '../../base/clock.ts';
import { TerminalError, TransientError, errorMessage } from '../../base/errors.ts';
import type { JsonValue } from '../../base/json.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly json?: JsonValue;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  /** At most {@link MAX_RESPONSE_CHARACTERS}. */
  readonly text: string;
}

export type HttpClient = (request: HttpRequest, signal: AbortSignal) => Promise<HttpResponse>;

/** Forges answer a status in well under a second. */
const TIMEOUT_MS = 15_000;
const MAX_RESPONSE_CHARACTERS = 20_000;

export function createHttpClient(clock: Clock): HttpClient {
  return async (request, signal) => {
    const abort = createAbort();
    const timer = clock.setTimer(() => abort.abort(), TIMEOUT_MS);
    const stop = (): void => abort.abort();
    signal.addEventListener('abort', stop, { once: true });
    try {
      const response = await fetch(request.url, {
        method: request.method,
        headers: { 'content-type': 'application/json', 'user-agent': 'symphony', ...request.headers },
        ...(request.json === undefined ? {} : { body: JSON.stringify(request.json) }),
        // A redirect would carry the token to another host.
        redirect: 'manual',
        signal: abort.signal,
      });
      return {
        status: response.status,
        headers: new Map(response.headers),
        text: await readBounded(response),
      };
    } catch (error) {
      throw new TransientError(`Cannot reach ${hostOf(request.url)}: ${errorMessage(error)}`, {
        cause: error,
      });
    } finally {
      timer.cancel();
      signal.removeEventListener('abort', stop);
    }
  };
}

async function readBounded(response: Response): Promise<string> {
  if (!response.body) return '';
  let text = '';
  const decoder = new TextDecoder();
  const reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  for (;;) {
    const part = await reader.read();
    if (part.done) return text;
    text += decoder.decode(part.value, { stream: true });
    if (text.length < MAX_RESPONSE_CHARACTERS) continue;
    await reader.cancel();
    return text.slice(0, MAX_RESPONSE_CHARACTERS);
  }
}

/** Sorts an answer by what to do next: 2xx is done, overload comes back, a refusal stays one. */
export function checkAnswer(forge: string, response: HttpResponse): void {
  const { status, headers, text } = response;
  if (status >= 200 && status < 300) return;
  const limited = headers.get('x-ratelimit-remaining') === '0' || headers.has('retry-after');
  const message = `Cannot post a status: ${forge} answered ${status}: ${text.replace(/\s+/g, ' ').slice(0, 200)}`;
  if (status >= 500 || status === 429 || status === 408 || (status === 403 && limited))
    throw new TransientError(message);
  throw new TerminalError(message);
}

function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return 'the forge';
  }
}
