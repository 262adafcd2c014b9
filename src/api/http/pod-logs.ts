/** Requests for logs: the container, the options, and the agent's bytes as they come. */
import type { ClientHttp2Stream } from 'node:http2';
import type { FieldError } from '../../schemas/errors/field-error.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { badRequest, invalid } from '../../schemas/errors/status.ts';
import type { Pod } from '../../schemas/types.ts';
import { AgentRefusal, askAgent, statusOfRefusal } from '../streams/agent-stream.ts';
import { chooseContainer } from '../streams/stream-request.ts';
import type { Tunnels } from '../tunnel.ts';
import { flagOf } from './query-options.ts';

const LOG_STREAMS: readonly string[] = ['All', 'Stderr', 'Stdout'];

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
  const stream = query.get('stream') ?? '';
  if (stream !== '' && !LOG_STREAMS.includes(stream))
    errors.push({
      type: 'FieldValueNotSupported',
      path: 'stream',
      value: stream,
      detail: `supported values: ${LOG_STREAMS.map((name) => JSON.stringify(name)).join(', ')}`,
    });
  else if (stream !== '' && stream !== 'All') {
    if (result.has('tailLines'))
      errors.push({
        type: 'FieldValueForbidden',
        path: '',
        detail: '`tailLines` and specific `stream` are mutually exclusive for now',
      });
    result.set('stream', stream);
  }
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

export interface LogRequest {
  readonly podName: string;
  /** Called after the options were checked, as upstream does. */
  pod(): Promise<KubeObject>;
  readonly query: URLSearchParams;
  readonly tunnels: Tunnels;
  readonly signal: AbortSignal;
}

export type LogStream = ClientHttp2Stream;

/** The agent's bytes; undefined while the pod is on no node, so that it has no logs. */
export async function openLogs(request: LogRequest): Promise<LogStream | undefined> {
  const { tunnels, signal } = request;
  const query = logQuery(request.podName, request.query);
  const pod = await request.pod();
  const container = chooseContainer(pod, request.query.get('container') ?? '');
  const { namespace = '', name } = pod.metadata;
  const node = (pod as Pod).spec.nodeName ?? '';
  if (node === '') return undefined;
  const path = ['', 'containerLogs', namespace, name, container].map(encodeURIComponent).join('/');
  const asked = { node, method: 'GET', path: `${path}?${query.toString()}`, signal } as const;
  return askAgent(tunnels, asked).catch((error: unknown) => {
    throw error instanceof AgentRefusal ? statusOfRefusal(error) : error;
  });
}
