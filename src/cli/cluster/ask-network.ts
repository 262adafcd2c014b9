/** Asks the questions of a check: agents through the API's node proxy, and URLs from here. */
import { systemClock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { goWords } from '../../base/go-words.ts';
import { errorMessage } from '../../base/errors.ts';
import { isRecord } from '../../base/json.ts';
import { mapBounded } from '../../base/map-bounded.ts';
import type { Connection } from '../../client/connection.ts';
import type { NetworkFacts } from '../../network/check/facts.ts';
import {
  type Answer,
  type Answers,
  type Ask,
  type AskOf,
  askKey,
  type Hop,
  type Probed,
} from '../../network/check/hop.ts';

/** Agents are asked side by side; each runs few probes at a time anyway. */
const ASKED_AT_ONCE = 8;
const URL_TIMEOUT_MS = 10_000;
/** Answers of a server in front that could not reach what is behind it. */
const GATEWAY_FAILED: ReadonlySet<number> = new Set([502, 503, 504]);

export async function askNetwork(
  connection: Pick<Connection, 'request'>,
  hops: readonly Hop[],
  signal: AbortSignal,
): Promise<Answers> {
  const asks = new Map(hops.flatMap(({ asks }) => asks).map((ask) => [askKey(ask), ask]));
  const answered = new Map<string, Answer<unknown>>();
  await mapBounded([...asks], ASKED_AT_ONCE, async ([key, ask]) => {
    answered.set(key, await answerTo(connection, ask, signal));
  });
  const find = (ask: Ask): Answer<unknown> =>
    answered.get(askKey(ask)) ?? { ok: false, why: 'it was not asked' };
  return {
    facts: (ask) => find(ask) as Answer<NetworkFacts>,
    probe: (ask) => find(ask) as Answer<Probed>,
    url: (ask) => find(ask) as Answer<Probed>,
  };
}

async function answerTo(
  connection: Pick<Connection, 'request'>,
  ask: Ask,
  signal: AbortSignal,
): Promise<Answer<unknown>> {
  try {
    if (ask.type === 'url') return { ok: true, value: await fetchUrl(ask, signal) };
    const value = await connection.request({ method: 'GET', path: pathOf(ask) });
    return isRecord(value) ? { ok: true, value } : { ok: false, why: 'the agent does not know the question' };
  } catch (error) {
    return { ok: false, why: ask.type === 'url' ? goWords(error) : errorMessage(error) };
  }
}

function pathOf(ask: AskOf<'facts' | 'probe'>): string {
  const { type, node, ...rest } = ask;
  const query = new URLSearchParams(rest).toString();
  const path = `/api/v1/nodes/${encodeURIComponent(node)}/proxy/network${type === 'probe' ? '/probe' : ''}`;
  return query === '' ? path : `${path}?${query}`;
}

function fetchUrl({ url }: AskOf<'url'>, signal: AbortSignal): Promise<Probed> {
  return withDeadline(systemClock, URL_TIMEOUT_MS, signal, async (bounded) => {
    const answer = await fetch(url, { redirect: 'manual', signal: bounded });
    await answer.body?.cancel();
    return { ok: !GATEWAY_FAILED.has(answer.status), detail: `the server answers ${answer.status}` };
  });
}
