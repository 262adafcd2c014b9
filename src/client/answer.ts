/** Answers of the API: their bounded body, and the Status of a failure. */
import type { IncomingMessage } from 'node:http';
import { isRecord } from '../base/json.ts';
import { cutMiddle } from '../base/text.ts';
import { failure, type Status, StatusError, type StatusReason } from '../schemas/errors/status.ts';

/** Lists of a large cluster. Beyond this a client must page. */
const MAX_RESPONSE_BYTES = 512 * 1024 * 1024;

/** For answers that carry no Status of their own, such as a proxy's. */
const REASONS: Readonly<Record<number, StatusReason>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  413: 'RequestEntityTooLarge',
  422: 'Invalid',
  429: 'TooManyRequests',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** The JSON of a 2xx answer. Any other answer throws its Status, or one made of its code. */
export async function readAnswer(response: IncomingMessage): Promise<unknown> {
  const code = response.statusCode ?? 0;
  const text = (await readAll(response)).toString('utf8');
  const parsed = parseJson(text);
  if (code >= 200 && code < 300) return parsed;
  if (isStatus(parsed)) throw new StatusError(parsed);
  const reason = REASONS[code] ?? 'InternalError';
  throw failure(code, reason, cutMiddle(text, 1_000) || `the server answered ${code}`);
}

export function isStatus(value: unknown): value is Status {
  return isRecord(value) && value['kind'] === 'Status' && typeof value['code'] === 'number';
}

async function readAll(response: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    if (size > MAX_RESPONSE_BYTES) throw new Error(`the answer is longer than ${MAX_RESPONSE_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseJson(text: string): unknown {
  try {
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}
