/** HTTP as the forges need it: JSON out, status and a bounded text back, never without a time-out. */
import type { Clock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { TransientError, errorMessage } from '../../base/errors.ts';
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
    try {
      return await withDeadline(clock, TIMEOUT_MS, signal, async (bounded) => {
        const response = await fetch(request.url, {
          method: request.method,
          headers: { 'content-type': 'application/json', 'user-agent': 'symphony', ...request.headers },
          ...(request.json === undefined ? {} : { body: JSON.stringify(request.json) }),
          // A redirect would carry the token to another host.
          redirect: 'manual',
          signal: bounded,
        });
        return {
          status: response.status,
          headers: new Map(response.headers),
          text: await readBounded(response),
        };
      });
    } catch (error) {
      throw new TransientError(`Cannot reach ${hostOf(request.url)}: ${errorMessage(error)}`, {
        cause: error,
      });
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

/** An answer that is no success. What it says decides when the forge is asked again (plan-retry-wait.ts). */
export class ForgeRefusal extends TransientError {
  override readonly name = 'ForgeRefusal';
  readonly response: HttpResponse;
  constructor(message: string, response: HttpResponse) {
    super(message);
    this.response = response;
  }
}

/** Throws {@link ForgeRefusal} for all but 2xx. */
export function checkAnswer(forge: string, response: HttpResponse): void {
  const { status, text } = response;
  if (status >= 200 && status < 300) return;
  const said = text.replace(/\s+/g, ' ').slice(0, 200);
  throw new ForgeRefusal(`Cannot post a status: ${forge} answered ${status}: ${said}`, response);
}

function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return 'the forge';
  }
}
