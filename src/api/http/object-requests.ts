/** Requests about stored objects: one function per verb. The core (src/resources) does the work. */
import { andThen, type Eventually } from '../../base/eventually.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import { methodNotAllowed } from '../../resources/refusals.ts';
import type { ObjectAction } from '../../resources/subresources/types.ts';
import type { CollectionRef, ObjectRef } from '../../resources/types.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { type ResourceKind, resourceIdOf, type Subresource } from '../../schemas/resource-kind.ts';
import { type Answer, type AnswerContext, jsonAnswer, listAnswer, objectAnswer } from './answers.ts';
import {
  answerContext,
  bodyOf,
  contextOf,
  optionalBody,
  patchOf,
  type StoredRequest,
  writing,
} from './api-request.ts';
import { deleteOptions, listOptions } from './query-options.ts';

export const collectionOf = ({ routed, target }: StoredRequest): CollectionRef => ({
  kind: routed.kind,
  namespace: target.namespace,
});
export const refOf = ({ routed, target }: StoredRequest): ObjectRef => ({
  kind: routed.kind,
  namespace: target.namespace,
  name: target.name ?? '',
});

const formOf = (request: StoredRequest): AnswerContext => answerContext(request, request.routed.kind);

export function getObject(core: ResourceCore, request: StoredRequest): Eventually<Answer> {
  const form = formOf(request);
  const version = request.query.get('resourceVersion') ?? undefined;
  return andThen(core.get(refOf(request), version), (object) => objectAnswer(200, object, form));
}

export async function listObjects(core: ResourceCore, request: StoredRequest): Promise<Answer> {
  const form = formOf(request);
  return listAnswer(await core.list(collectionOf(request), listOptions(request.query, false)), form);
}

export async function createObject(core: ResourceCore, request: StoredRequest): Promise<Answer> {
  const form = formOf(request);
  const options = writing(request, 'CreateOptions');
  const body = bodyOf(request);
  return objectAnswer(201, await core.create(collectionOf(request), body, options, contextOf(request)), form);
}

export async function updateObject(core: ResourceCore, request: StoredRequest): Promise<Answer> {
  const form = formOf(request);
  const options = writing(request, 'UpdateOptions');
  const { subresource } = request.routed;
  const body = bodyOf(request);
  const written = await core.update(refOf(request), body, options, contextOf(request), subresource);
  return objectAnswer(written.created ? 201 : 200, written.object, form);
}

export async function patchObject(core: ResourceCore, request: StoredRequest): Promise<Answer> {
  const form = formOf(request);
  const options = writing(request, 'PatchOptions');
  const { subresource } = request.routed;
  const patch = patchOf(request);
  const written = await core.patch(refOf(request), patch, options, contextOf(request), subresource);
  return objectAnswer(written.created ? 201 : 200, written.object, form);
}

export async function deleteObject(core: ResourceCore, request: StoredRequest): Promise<Answer> {
  const form = formOf(request);
  const { cascades, ...removal } = deleteOptions(request.query, optionalBody(request));
  const ref = refOf(request);
  return deleted(await core.delete(ref, removal, contextOf(request)), ref, cascades, form);
}

export async function deleteObjects(core: ResourceCore, request: StoredRequest): Promise<Answer> {
  const form = formOf(request);
  const removal = deleteOptions(request.query, optionalBody(request));
  const list = listOptions(request.query, false);
  const page = await core.deleteCollection(collectionOf(request), list, removal, contextOf(request));
  return listAnswer(page, form);
}

export async function getScale(core: ResourceCore, request: StoredRequest): Promise<Answer> {
  const form = formOf(request);
  return objectAnswer(200, await core.getScale(refOf(request)), form);
}

export async function updateScale(core: ResourceCore, request: StoredRequest): Promise<Answer> {
  const form = formOf(request);
  const options = writing(request, 'UpdateOptions');
  const body = bodyOf(request);
  return objectAnswer(200, await core.updateScale(refOf(request), body, options, contextOf(request)), form);
}

export async function patchScale(core: ResourceCore, request: StoredRequest): Promise<Answer> {
  const form = formOf(request);
  const options = writing(request, 'PatchOptions');
  const patch = patchOf(request);
  return objectAnswer(200, await core.patchScale(refOf(request), patch, options, contextOf(request)), form);
}

export async function bindPod(core: ResourceCore, request: StoredRequest): Promise<Answer> {
  const form = formOf(request);
  const options = writing(request, 'CreateOptions');
  await core.bind(refOf(request), bodyOf(request), options, contextOf(request));
  return success(form);
}

export function actionOf(
  actions: readonly ObjectAction[],
  kind: ResourceKind,
  subresource: Subresource | undefined,
): ObjectAction | undefined {
  const id = resourceIdOf(kind);
  return actions.find((action) => action.subresource === subresource && action.resource === id);
}

export async function act(actions: readonly ObjectAction[], request: StoredRequest): Promise<Answer> {
  const form = formOf(request);
  const action = actionOf(actions, request.routed.kind, request.routed.subresource);
  if (!action) throw methodNotAllowed();
  const options = writing(request, 'CreateOptions');
  const object = await action.create(refOf(request), bodyOf(request), options, contextOf(request));
  return object ? objectAnswer(201, object, form) : success(form);
}

const STATUS = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' } as const;

const success = ({ form }: AnswerContext): Answer =>
  jsonAnswer(201, JSON.stringify({ ...STATUS, code: 201 }), form.encoding);

/** Kinds whose deletion is answered with the object, as upstream's storages are set up. */
const RETURNS_OBJECT: readonly string[] = ['Pod', 'Service', 'ServiceAccount', 'Namespace'];

function deleted(
  object: KubeObject,
  { kind, name }: ObjectRef,
  cascades: boolean,
  form: AnswerContext,
): Answer {
  const { uid, deletionTimestamp, finalizers = [] } = object.metadata;
  const waits = deletionTimestamp !== undefined && finalizers.length > 0;
  const code = waits && cascades ? 202 : 200;
  if (waits || (kind.group === '' && RETURNS_OBJECT.includes(kind.kind)))
    return objectAnswer(code, object, form);
  const details = {
    name,
    ...(kind.group === '' ? {} : { group: kind.group }),
    kind: kind.plural,
    ...(uid === undefined ? {} : { uid }),
  };
  return jsonAnswer(code, JSON.stringify({ ...STATUS, details }), form.form.encoding);
}
