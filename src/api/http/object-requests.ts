/** Requests about stored objects: one function per verb. The core (src/resources) does the work. */
import { andThen, type Eventually } from '../../base/eventually.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import { methodNotAllowed } from '../../resources/refusals.ts';
import type { ObjectAction } from '../../resources/subresources/types.ts';
import type {
  CollectionRef,
  ObjectPage,
  ObjectRef,
  RequestContext,
  WriteOptions,
} from '../../resources/types.ts';
import { asList, getPath } from '../../schemas/json-access.ts';
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
import { returnsDeleted } from './methods.ts';
import { deleteOptions, listOptions, type WriteOptionsType } from './query-options.ts';

type ObjectHandler = (core: ResourceCore, request: StoredRequest) => Eventually<Answer>;

export const collectionOf = ({ routed, target }: StoredRequest): CollectionRef => ({
  kind: routed.kind,
  namespace: target.namespace,
});
export const refOf = ({ routed, target }: StoredRequest): ObjectRef => ({
  kind: routed.kind,
  namespace: target.namespace,
  name: target.name ?? '',
});

/** Calls the core and answers with its result. As upstream, the form is checked first. */
const answering =
  <T>(
    call: (core: ResourceCore, request: StoredRequest) => Eventually<T>,
    answer: (made: T, form: AnswerContext, request: StoredRequest) => Answer,
  ): ObjectHandler =>
  (core, request) => {
    const form = answerContext(request, request.routed.kind);
    return andThen(call(core, request), (made) => answer(made, form, request));
  };

type Input<Body> = readonly [body: Body, options: WriteOptions, context: RequestContext];

/** Errors of the options come before those of the body. */
function inputOf<Body>(
  request: StoredRequest,
  type: WriteOptionsType,
  read: (request: StoredRequest) => Body,
): Input<Body> {
  const options = writing(request, type);
  return [read(request), options, contextOf(request)];
}
const created = (request: StoredRequest): Input<unknown> => inputOf(request, 'CreateOptions', bodyOf);
const updated = (request: StoredRequest): Input<unknown> => inputOf(request, 'UpdateOptions', bodyOf);
const patched = (request: StoredRequest): Input<ReturnType<typeof patchOf>> =>
  inputOf(request, 'PatchOptions', patchOf);

const found = (object: KubeObject, form: AnswerContext): Answer => objectAnswer(200, object, form);
const made = (object: KubeObject, form: AnswerContext): Answer => objectAnswer(201, object, form);
const listed = (page: ObjectPage, form: AnswerContext): Answer => listAnswer(page, form);
const written = (
  { object, created: isNew }: { readonly object: KubeObject; readonly created: boolean },
  form: AnswerContext,
): Answer => objectAnswer(isNew ? 201 : 200, object, form);

export const getObject = answering(
  (core, request) => core.get(refOf(request), request.query.get('resourceVersion') ?? undefined),
  found,
);
export const listObjects = answering(
  (core, request) => core.list(collectionOf(request), listOptions(request.query, false)),
  listed,
);
export const createObject = answering(
  (core, request) => core.create(collectionOf(request), ...created(request)),
  made,
);
export const updateObject = answering(
  (core, request) => core.update(refOf(request), ...updated(request), request.routed.subresource),
  written,
);
export const patchObject = answering(
  (core, request) => core.patch(refOf(request), ...patched(request), request.routed.subresource),
  written,
);
export const deleteObject = answering(async (core, request) => {
  const { cascades, ...removal } = deleteOptions(request.query, optionalBody(request));
  return { object: await core.delete(refOf(request), removal, contextOf(request)), cascades };
}, deleted);
export const deleteObjects = answering((core, request) => {
  const removal = deleteOptions(request.query, optionalBody(request));
  const list = listOptions(request.query, false);
  return core.deleteCollection(collectionOf(request), list, removal, contextOf(request));
}, listed);
export const getScale = answering((core, request) => core.getScale(refOf(request)), found);
export const updateScale = answering(
  (core, request) => core.updateScale(refOf(request), ...updated(request)),
  found,
);
export const patchScale = answering(
  (core, request) => core.patchScale(refOf(request), ...patched(request)),
  found,
);
export const bindPod = answering((core, request) => core.bind(refOf(request), ...created(request)), success);

/** Eviction and its like. */
export const actWith = (actions: readonly ObjectAction[]): ObjectHandler =>
  answering(
    async (_core, request) => {
      const action = actionOf(actions, request.routed.kind, request.routed.subresource);
      if (!action) throw methodNotAllowed();
      return action.create(refOf(request), ...created(request));
    },
    (object, form) => (object ? made(object, form) : success(undefined, form)),
  );

export function actionOf(
  actions: readonly ObjectAction[],
  kind: ResourceKind,
  subresource: Subresource | undefined,
): ObjectAction | undefined {
  const id = resourceIdOf(kind);
  return actions.find((action) => action.subresource === subresource && action.resource === id);
}

const STATUS = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' } as const;

function success(_made: unknown, { form }: AnswerContext): Answer {
  return jsonAnswer(201, JSON.stringify({ ...STATUS, code: 201 }), form.encoding);
}

function deleted(
  { object, cascades }: { readonly object: KubeObject; readonly cascades: boolean },
  form: AnswerContext,
  { routed: { kind }, target: { name } }: StoredRequest,
): Answer {
  const waits = isWaiting(kind, object);
  const code = waits && cascades ? 202 : 200;
  if (waits || returnsDeleted(kind)) return objectAnswer(code, object, form);
  const { uid } = object.metadata;
  const group = kind.group === '' ? {} : { group: kind.group };
  const details = { name, ...group, kind: kind.plural, ...(uid === undefined ? {} : { uid }) };
  return jsonAnswer(code, JSON.stringify({ ...STATUS, details }), form.form.encoding);
}

/** The object is still there: finalizers hold it, or a pod has its grace period. */
function isWaiting({ subresources }: ResourceKind, object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
  const own = subresources.includes('finalize') ? asList(getPath(object, 'spec', 'finalizers')) : [];
  const isHeld = finalizers.length + own.length > 0 || deletionGracePeriodSeconds > 0;
  return deletionTimestamp !== undefined && isHeld;
}
