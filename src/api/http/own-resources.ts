/** `symphony.dev/v1`: requests of agents and peers. Discovery does not list them. */
import { isRecord } from '../../base/json.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import { badRequest, failure } from '../../schemas/errors/status.ts';
import { type Answer, jsonAnswer } from './answers.ts';
import { type ApiRequest, bodyOf, contextOf } from './api-request.ts';
import { SYMPHONY_GROUP } from './methods.ts';

const API_VERSION = `${SYMPHONY_GROUP}/v1`;

export async function readClusterState(core: ResourceCore): Promise<Answer> {
  const state = await core.clusterState();
  if (!state)
    throw failure(503, 'ServiceUnavailable', 'the cluster has no data yet', { retryAfterSeconds: 1 });
  const { epoch, phase } = state;
  return jsonAnswer(200, JSON.stringify({ kind: 'ClusterState', apiVersion: API_VERSION, epoch, phase }));
}

export async function restorePods(core: ResourceCore, request: ApiRequest): Promise<Answer> {
  const waiting = await core.restorePods(request.target.name ?? '', itemsOf(request, 'a PodList'));
  return jsonAnswer(200, JSON.stringify({ kind: 'RestoreResult', apiVersion: API_VERSION, waiting }));
}

/** An empty result says that the item was taken. */
export async function takeReport(core: ResourceCore, request: ApiRequest): Promise<Answer> {
  const items = itemsOf(request, 'a List');
  const refusals = await core.takeReport(request.target.name ?? '', items, contextOf(request));
  const results = refusals.map((refusal) => refusal?.status ?? {});
  return jsonAnswer(200, JSON.stringify({ kind: 'ReportResult', apiVersion: API_VERSION, results }));
}

function itemsOf(request: ApiRequest, expected: string): readonly unknown[] {
  const body = bodyOf(request);
  const items = isRecord(body) ? body['items'] : body;
  if (!Array.isArray(items)) throw badRequest(`expected ${expected}`);
  return items;
}
