/**
 * The httpGet of probes and hooks. As in kubelet, redirects are followed within the same host: a
 * server may send a probe to another path, but to no other address, and only a few times.
 */
import type { Clock } from '../../base/clock.ts';
import type { HttpAnswer, HttpRequest, ProbeIo } from './probe-io.ts';

const MAX_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The last answer, or a redirect to another host. All requests share one time-out. */
export async function httpGet(io: ProbeIo, clock: Clock, first: HttpRequest): Promise<HttpAnswer> {
  const deadlineMs = clock.now() + first.timeoutMs;
  let request = first;
  for (let followed = 0; ; followed += 1) {
    const answer = await io.http({ ...request, timeoutMs: Math.max(1, deadlineMs - clock.now()) });
    const next = planRedirect(request, answer);
    if (!next || next.host !== first.host) return answer;
    if (followed + 1 >= MAX_REDIRECTS)
      throw new Error(`Get ${JSON.stringify(answer.location)}: stopped after ${MAX_REDIRECTS} redirects`);
    request = next;
  }
}

/** Where an answer sends us; undefined when it does not, or to something that is not HTTP. */
function planRedirect(request: HttpRequest, { status, location }: HttpAnswer): HttpRequest | undefined {
  if (!REDIRECTS.has(status) || location === undefined) return undefined;
  const host = request.host.includes(':') ? `[${request.host}]` : request.host;
  const base = `${request.scheme}://${host}:${request.port}${request.path}`;
  if (!URL.canParse(location, base)) return undefined;
  const url = new URL(location, base);
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== 'http' && scheme !== 'https') return undefined;
  return {
    ...request,
    scheme,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (scheme === 'https' ? 443 : 80) : Number(url.port),
    path: `${url.pathname}${url.search}`,
  };
}
