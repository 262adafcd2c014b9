/** Metrics of applications from an adapter's HTTP server, bounded in time and size. */
import type { Clock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { goWords } from '../../base/go-words.ts';
import { isRecord } from '../../base/json.ts';
import { asString } from '../../schemas/json-access.ts';
import type { GetMetric } from './metrics-source.ts';

/** An autoscaler waits for its metrics: a third of its usual period. */
const TIMEOUT_MS = 5_000;
/** Some thousand metrics. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** `base` is what stands before `/apis`. */
export function createMetricsAdapter(base: string, clock: Clock): GetMetric {
  const root = base.replace(/\/+$/, '');
  return async (path, signal) => {
    try {
      return await withDeadline(clock, TIMEOUT_MS, signal, async (bounded) => {
        const headers = { accept: 'application/json', 'user-agent': 'symphony' };
        const response = await fetch(`${root}${path}`, { headers, redirect: 'error', signal: bounded });
        const body = parse(await readBounded(response));
        if (response.ok) return body;
        const said = isRecord(body) ? asString(body['message']) : '';
        throw new Error(said || `the server responded with the status code ${response.status}`);
      });
    } catch (error) {
      throw new Error(goWords(error), { cause: error });
    }
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readBounded(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += part.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
