/** `symphony.dev/v1`: what agents ask that Kubernetes has no resource for. Not listed in discovery. */
import { isRecord } from '../../base/json.ts';
import { badRequest, failure } from '../../schemas/errors/status.ts';
import {
  type Authorizer,
  denialText,
  type ResourceAttributes,
  type Verb,
} from '../../resources/authz/types.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import { methodNotAllowed, resourceNotFound } from '../../resources/refusals.ts';
import { type Answer, jsonAnswer } from './answers.ts';
import { parseBody } from './request-body.ts';
import type { ApiRequest } from './resource-requests.ts';

export const SYMPHONY_GROUP = 'symphony.dev';

export async function serveSymphony(
  core: ResourceCore,
  authorizer: Authorizer,
  request: ApiRequest,
): Promise<Answer> {
  const { plural, name, subresource, version } = request.target;
  if (version !== 'v1') throw resourceNotFound();
  if (plural === 'clusterstate' && name === undefined) {
    if (request.method !== 'GET') throw methodNotAllowed();
    await check(authorizer, request, 'get');
    const state = await core.clusterState();
    if (!state)
      throw failure(503, 'ServiceUnavailable', 'the cluster has no data yet', { retryAfterSeconds: 1 });
    const { epoch, phase } = state;
    return jsonAnswer(
      200,
      JSON.stringify({ kind: 'ClusterState', apiVersion: 'symphony.dev/v1', epoch, phase }),
    );
  }
  if (plural === 'nodes' && name !== undefined && subresource === 'restore') {
    if (request.method !== 'POST') throw methodNotAllowed();
    await check(authorizer, request, 'create');
    const waiting = await core.restorePods(name, podsOf(request));
    return jsonAnswer(200, JSON.stringify({ kind: 'RestoreResult', apiVersion: 'symphony.dev/v1', waiting }));
  }
  throw resourceNotFound();
}

function podsOf({ headers, body }: ApiRequest): readonly unknown[] {
  if (!body) throw badRequest('the request has no body');
  const { value } = parseBody(headers['content-type'], body);
  const items = isRecord(value) ? value['items'] : value;
  if (!Array.isArray(items)) throw badRequest('expected a PodList');
  return items;
}

async function check(authorizer: Authorizer, request: ApiRequest, verb: Verb): Promise<void> {
  const { plural, name, subresource } = request.target;
  const attributes: ResourceAttributes = {
    verb,
    group: SYMPHONY_GROUP,
    resource: plural,
    subresource,
    namespace: undefined,
    name,
    fieldSelector: undefined,
  };
  const decision = await authorizer.authorize(request.user, attributes);
  if (decision.allowed) return;
  const why = `${denialText(request.user, attributes)}${decision.reason ? `: ${decision.reason}` : ''}`;
  throw failure(403, 'Forbidden', `${plural}.${SYMPHONY_GROUP} is forbidden: ${why}`, {
    group: SYMPHONY_GROUP,
    kind: plural,
  });
}
