/** One request about a resource that the store does not keep (virtual/types.ts). */
import { methodNotAllowed } from '../../resources/refusals.ts';
import type { VirtualResource } from '../virtual/types.ts';
import { type Answer, listAnswer, objectAnswer } from './answers.ts';
import {
  answerContextAt,
  type ApiRequest,
  bodyOf,
  contextOf,
  type RoutedRequest,
  writing,
} from './resource-requests.ts';

export async function serveVirtual(
  { verb }: RoutedRequest,
  resource: VirtualResource,
  request: ApiRequest,
  nowMs: number,
): Promise<Answer> {
  const { target, query } = request;
  const { namespace, name } = target;
  const form = answerContextAt(nowMs, request, resource, resource.list !== undefined);
  const context = contextOf(request);
  if (verb === 'create' && resource.create) {
    const options = writing(request, 'CreateOptions');
    const made = await resource.create(bodyOf(request), namespace, options, context);
    return objectAnswer(201, made, form);
  }
  if (verb === 'get' && resource.get && name !== undefined)
    return objectAnswer(200, await resource.get({ namespace, name }, context), form);
  if (verb === 'list' && resource.list) {
    const labelSelector = query.get('labelSelector') ?? undefined;
    const fieldSelector = query.get('fieldSelector') ?? undefined;
    return listAnswer(await resource.list({ namespace, labelSelector, fieldSelector }, context), form);
  }
  throw methodNotAllowed();
}
