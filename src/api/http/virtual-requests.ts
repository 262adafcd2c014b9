/** Requests about resources that the store does not keep (virtual/types.ts). */
import { methodNotAllowed } from '../../resources/refusals.ts';
import { type Answer, type AnswerContext, listAnswer, objectAnswer } from './answers.ts';
import { answerContext, bodyOf, contextOf, type VirtualRequest, writing } from './api-request.ts';

const formOf = (request: VirtualRequest): AnswerContext =>
  answerContext(request, request.routed.kind, request.routed.kind.list !== undefined);

export async function createVirtual(request: VirtualRequest): Promise<Answer> {
  const { target } = request;
  const { kind } = request.routed;
  const form = formOf(request);
  if (!kind.create) throw methodNotAllowed();
  const options = writing(request, 'CreateOptions');
  const made = await kind.create(bodyOf(request), target.namespace, options, contextOf(request));
  return objectAnswer(201, made, form);
}

export async function getVirtual(request: VirtualRequest): Promise<Answer> {
  const { namespace, name = '' } = request.target;
  const form = formOf(request);
  const { kind } = request.routed;
  if (!kind.get) throw methodNotAllowed();
  return objectAnswer(200, await kind.get({ namespace, name }, contextOf(request)), form);
}

export async function listVirtual(request: VirtualRequest): Promise<Answer> {
  const { target, query } = request;
  const { kind } = request.routed;
  const form = formOf(request);
  if (!kind.list) throw methodNotAllowed();
  const labelSelector = query.get('labelSelector') ?? undefined;
  const fieldSelector = query.get('fieldSelector') ?? undefined;
  const wanted = { namespace: target.namespace, labelSelector, fieldSelector };
  return listAnswer(await kind.list(wanted, contextOf(request)), form);
}
