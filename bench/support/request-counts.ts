/** How many requests an API server has answered, by verb and resource, from its metrics. */
import { createAbort } from '../../src/base/abort.ts';
import type { HttpApiClient } from '../../src/client/http.ts';

export type RequestCounts = ReadonlyMap<string, number>;

export async function countRequests({ connection }: HttpApiClient): Promise<RequestCounts> {
  const chunks: Buffer[] = [];
  for await (const chunk of await connection.stream('/metrics', createAbort().signal)) chunks.push(chunk);
  const counts = new Map<string, number>();
  const lines = /^apiserver_request_total\{(.*)\} (\d+)$/gm;
  for (const [, labels = '', value] of Buffer.concat(chunks).toString().matchAll(lines)) {
    const label = (name: string): string => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
    const subresource = label('subresource');
    const path = `${label('resource')}${subresource === '' ? '' : `/${subresource}`}`;
    counts.set(`${label('verb')} ${path} ${label('code')}`, Number(value));
  }
  return counts;
}

/** The requests that came in between, the most frequent first. */
export function difference(
  before: RequestCounts,
  after: RequestCounts,
): readonly (readonly [string, number])[] {
  return [...after]
    .map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const)
    .filter(([, value]) => value > 0)
    .sort(([, a], [, b]) => b - a);
}
