/** `GET …/pods/NAME/log`: which container, which options, and the agent's bytes as they come. */
import type { ServerResponse } from 'node:http';
import { isRecord } from '../../base/json.ts';
import type { FieldError } from '../../schemas/field-error.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { badRequest, failure, invalid } from '../../schemas/status.ts';
import type { Pod } from '../../schemas/types.ts';
import type { Tunnels } from '../tunnel.ts';
import { flagOf } from './query-options.ts';

/** The container that a stream is about; names the choice where there is one. */
export function chooseContainer(object: KubeObject, wanted: string): string {
  const { metadata, spec } = object as Pod;
  const main = spec.containers.map(({ name }) => name);
  const init = (spec.initContainers ?? []).map(({ name }) => name);
  const ephemeral = (spec.ephemeralContainers ?? []).map(({ name }) => name);
  if (wanted === '') {
    const [only] = main;
    if (main.length === 1 && init.length + ephemeral.length === 0 && only !== undefined) return only;
    if (main.length === 1 && only !== undefined && init.length === 0) return only;
    const also = init.length > 0 ? ` or one of the init containers: [${init.join(' ')}]` : '';
    throw badRequest(
      `a container name must be specified for pod ${metadata.name}, choose one of: [${main.join(' ')}]${also}`,
    );
  }
  if (![...main, ...init, ...ephemeral].includes(wanted))
    throw badRequest(`container ${wanted} is not valid for pod ${metadata.name}`);
  return wanted;
}

/** The query for the agent, in the kubelet's names. */
export function logQuery(podName: string, query: URLSearchParams): URLSearchParams {
  const result = new URLSearchParams();
  const errors: FieldError[] = [];
  const integer = (name: string, minimum: number): void => {
    const text = query.get(name);
    if (text === null || text === '') return;
    if (!/^-?\d+$/.test(text))
      throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
    const value = Number(text);
    if (value < minimum) {
      const detail = minimum === 0 ? 'must be greater than or equal to 0' : 'must be greater than 0';
      errors.push({ type: 'FieldValueInvalid', path: name, value, detail });
    }
    result.set(name, String(value));
  };
  for (const flag of ['follow', 'previous', 'timestamps']) if (flagOf(query, flag)) result.set(flag, 'true');
  integer('tailLines', 0);
  integer('limitBytes', 1);
  integer('sinceSeconds', 1);
  const sinceTime = query.get('sinceTime');
  if (sinceTime !== null && sinceTime !== '') {
    if (Number.isNaN(Date.parse(sinceTime)))
      throw badRequest(
        `parsing time ${JSON.stringify(sinceTime)} as "2006-01-02T15:04:05Z07:00": cannot parse`,
      );
    if (result.has('sinceSeconds'))
      errors.push({
        type: 'FieldValueForbidden',
        path: '',
        detail: 'at most one of `sinceTime` or `sinceSeconds` may be specified',
      });
    result.set('sinceTime', sinceTime);
  }
  if (errors.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, podName, errors);
  return result;
}

export interface LogStreamRequest {
  readonly pod: KubeObject;
  readonly query: URLSearchParams;
  readonly tunnels: Tunnels;
  readonly headers: Readonly<Record<string, string>>;
}

/** Throws before the first byte, or streams until the log ends or the client goes away. */
export async function streamLogs(request: LogStreamRequest, response: ServerResponse): Promise<void> {
  const { pod, tunnels } = request;
  const { namespace = '', name } = pod.metadata;
  const container = chooseContainer(pod, request.query.get('container') ?? '');
  const query = logQuery(name, request.query);
  const node = (pod as Pod).spec.nodeName ?? '';
  if (node === '') {
    // Nothing runs yet, so there is nothing to say: an empty answer, as upstream gives.
    response.writeHead(204, request.headers).end();
    return;
  }
  const abort = new AbortController();
  response.on('close', () => abort.abort());
  const path = ['', 'containerLogs', namespace, name, container].map(encodeURIComponent).join('/');
  const answer = await tunnels.request({
    node,
    method: 'GET',
    path: `${path}?${query.toString()}`,
    signal: abort.signal,
  });
  if (answer.status !== 200) {
    const text = await firstBytes(answer.stream);
    throw failure(
      answer.status === 404 ? 404 : 400,
      answer.status === 404 ? 'NotFound' : 'BadRequest',
      messageOf(text),
    );
  }
  response.writeHead(200, {
    ...request.headers,
    'content-type': 'text/plain',
    'cache-control': 'no-cache, private',
  });
  response.flushHeaders();
  answer.stream.on('error', () => response.destroy());
  answer.stream.pipe(response);
}

/** Error texts of agents are short; more is not read. */
const MAX_ERROR_CHARS = 4_096;

async function firstBytes(stream: AsyncIterable<Buffer | string>): Promise<string> {
  let text = '';
  for await (const chunk of stream) {
    text += chunk.toString();
    if (text.length > MAX_ERROR_CHARS) break;
  }
  return text.trim();
}

/** Agents answer with plain text or with a Status. */
function messageOf(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text);
    if (isRecord(parsed) && typeof parsed['message'] === 'string') return parsed['message'];
  } catch {
    // Plain text.
  }
  return text === '' ? 'the agent refused the request' : text;
}
