/** HTTP for the forges: JSON out, status and a bounded text back, always with a time-out. */
import type { Clock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { TransientError, errorMessage } from '../../base/errors.ts';
import type { JsonValue } from '../../base/json.ts';

export interface HttpRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly json: JsonValue;
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
        const response = await send(request, bounded);
        const text = await readBounded(response);
        return { status: response.status, headers: new Map(response.headers), text };
      });
    } catch (error) {
      const host = URL.canParse(request.url) ? new URL(request.url).host : 'the forge';
      throw new TransientError(`Cannot reach ${host}: ${errorMessage(error)}`, { cause: error });
    }
  };
}

/** A renamed project answers with its new place; GitHub asks clients to go there. */
const REDIRECTS: readonly number[] = [301, 302, 307, 308];
/** More redirects would be a circle. */
const MAX_REDIRECTS = 3;

async function send({ headers, json, ...request }: HttpRequest, signal: AbortSignal): Promise<Response> {
  let { url } = request;
  const body = JSON.stringify(json);
  for (let followed = 0; ; followed += 1) {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'symphony', ...headers },
      body,
      redirect: 'manual',
      signal,
    });
    const next = followed < MAX_REDIRECTS ? redirectOf(url, response) : undefined;
    if (next === undefined) return response;
    await response.body?.cancel();
    url = next;
  }
}

/** Undefined for what leads to another origin, too: the token goes along. */
function redirectOf(url: string, { status, headers }: Response): string | undefined {
  const location = headers.get('location') ?? '';
  if (!REDIRECTS.includes(status) || location === '' || !URL.canParse(location, url)) return undefined;
  const next = new URL(location, url);
  return next.origin === new URL(url).origin ? next.href : undefined;
}

async function readBounded(response: Response): Promise<string> {
  if (!response.body) return '';
  let text = '';
  const decoder = new TextDecoder();
  const reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += decoder.decode(part.value, { stream: true });
    if (text.length < MAX_RESPONSE_CHARACTERS) continue;
    await reader.cancel();
    return text.slice(0, MAX_RESPONSE_CHARACTERS);
  }
  return text;
}

/** An answer that is no success. It decides when the forge is asked again (plan-retry-wait.ts). */
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
