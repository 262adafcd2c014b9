/**
 * One request about a resource: which verb it is, whether the user may, and what the core makes of it. The order of checks
 * is Kubernetes': does the resource exist, may the user, is the form acceptable, are the options and the body right.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { andThen, type Eventually } from '../../base/eventually.ts';
import { formatApiVersion, type KubeObject } from '../../schemas/object.ts';
import {
  type Registry,
  type ResourceKind,
  resourceIdOf,
  type ServedResource,
  type Subresource,
} from '../../schemas/resource-kind.ts';
import { badRequest } from '../../schemas/errors/status.ts';
import { selectedName } from '../../resources/authz/field-terms.ts';
import type { ResourceAttributes, Verb } from '../../resources/authz/types.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import { invalidOptions, methodNotAllowed, resourceNotFound } from '../../resources/refusals.ts';
import type { ObjectAction } from '../../resources/subresources/types.ts';
import type {
  ObjectRef,
  RequestContext,
  StrictReading,
  UserInfo,
  WriteOptions,
} from '../../resources/types.ts';
import { hasProtobufForm } from '../protobuf/index.ts';
import type { IncludeObject } from '../tables/index.ts';
import { type Answer, type AnswerContext, jsonAnswer, listAnswer, objectAnswer } from './answers.ts';
import { negotiate } from './negotiation.ts';
import { deleteOptions, flagOf, listOptions, writeOptions, type WriteOptionsType } from './query-options.ts';
import { parseBody, parsePatch } from './request-body.ts';
import type { VirtualResource } from '../virtual/types.ts';
import type { ResourceTarget } from './request-target.ts';

export interface ApiRequest {
  readonly method: string;
  readonly target: ResourceTarget;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer | undefined;
  readonly user: UserInfo;
  readonly warnings: string[];
  /** For the audit log. */
  readonly annotations: Map<string, string>;
  /** The body's, once it is read. */
  strict?: StrictReading | undefined;
}

/** A request that has been found to be about something that exists: kept in the store, or virtual. */
export type RoutedRequest = {
  readonly subresource: Subresource | undefined;
  readonly verb: Verb;
  readonly attributes: ResourceAttributes;
} & (
  | { readonly stored: ResourceKind; readonly virtual: undefined }
  | { readonly stored: undefined; readonly virtual: VirtualResource }
);

/** Subresources that carry streams; they are served elsewhere. */
export const STREAMS: readonly Subresource[] = ['log', 'exec', 'attach', 'portforward'];

const OBJECT_VERBS: Readonly<Record<string, Verb>> = {
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

export function route(
  registry: Registry,
  virtual: readonly VirtualResource[],
  method: string,
  target: ResourceTarget,
  query: URLSearchParams,
): RoutedRequest {
  const { group, version, plural, namespace, name } = target;
  const stored = registry.byResource(group, version, plural);
  const unstored = virtual.find(
    (resource) => resource.group === group && resource.version === version && resource.plural === plural,
  );
  const kind = stored ?? unstored;
  if (!kind) throw resourceNotFound();
  if (!kind.namespaced && namespace !== undefined) throw resourceNotFound();
  if (kind.namespaced && namespace === undefined && name !== undefined) throw resourceNotFound();
  const subresource = subresourceOf(kind, target.subresource);
  const verb = verbOf(kind, method, target, subresource, query);
  if (!stored && !unstored?.verbs.includes(verb)) throw methodNotAllowed();
  const about = {
    subresource,
    verb,
    attributes: {
      verb,
      group: kind.group,
      resource: kind.plural,
      subresource,
      namespace: namespace ?? (kind.group === '' && kind.kind === 'Namespace' ? name : undefined),
      name: name ?? selectedName(verb, query.get('fieldSelector') ?? undefined),
      fieldSelector: query.get('fieldSelector') ?? undefined,
    },
  } as const;
  if (stored) return { ...about, stored, virtual: undefined };
  if (unstored) return { ...about, stored: undefined, virtual: unstored };
  throw resourceNotFound();
}

function subresourceOf(kind: ServedResource, name: string | undefined): Subresource | undefined {
  if (name === undefined) return undefined;
  const found = kind.subresources.find((subresource) => subresource === name);
  if (!found) throw resourceNotFound();
  return found;
}

/** As upstream maps them: what a pod does on a request is its own affair. */
const PROXY_VERBS: Readonly<Record<string, Verb>> = { ...OBJECT_VERBS, POST: 'create' };

function verbOf(
  kind: ServedResource,
  method: string,
  target: ResourceTarget,
  subresource: Subresource | undefined,
  query: URLSearchParams,
): Verb {
  if (subresource === 'binding' || subresource === 'eviction' || subresource === 'token') {
    if (method !== 'POST') throw methodNotAllowed();
    return 'create';
  }
  if (subresource === 'proxy') return PROXY_VERBS[method] ?? 'get';
  // Whatever the method, these make something run: they are authorised as a create.
  if (subresource === 'exec' || subresource === 'attach' || subresource === 'portforward') return 'create';
  if (target.isWatch) {
    if (method === 'GET') return 'watch';
    throw methodNotAllowed();
  }
  if (target.name !== undefined) {
    const verb = OBJECT_VERBS[method];
    const readOnly = subresource === 'log';
    const undeletable = subresource !== undefined && verb === 'delete';
    if (!verb || undeletable || (readOnly && verb !== 'get')) throw methodNotAllowed();
    if (subresource === 'finalize' && verb !== 'update') throw methodNotAllowed();
    return verb;
  }
  if (method === 'GET' || method === 'HEAD') return flagOf(query, 'watch') === true ? 'watch' : 'list';
  if (method === 'POST') {
    if (kind.namespaced && target.namespace === undefined) throw methodNotAllowed();
    return 'create';
  }
  if (
    method === 'DELETE' &&
    (target.namespace !== undefined || !kind.namespaced) &&
    kind.kind !== 'Namespace'
  )
    return 'deletecollection';
  throw methodNotAllowed();
}

export const answerContext = (core: ResourceCore, request: ApiRequest, kind: ResourceKind): AnswerContext =>
  answerContextAt(core.clock.now(), request, kind);

export function answerContextAt(
  nowMs: number,
  request: ApiRequest,
  kind: ServedResource,
  hasTable = true,
): AnswerContext {
  const include = request.query.get('includeObject') ?? '';
  if (include !== '' && include !== 'None' && include !== 'Metadata' && include !== 'Object')
    throw badRequest(`unrecognized includeObject value: ${JSON.stringify(include)}`);
  return {
    form: negotiate(
      request.headers.accept,
      () => hasProtobufForm(formatApiVersion(kind.group, kind.version), kind.kind),
      hasTable,
    ),
    kind,
    includeObject: include === '' ? 'Metadata' : (include satisfies IncludeObject),
    nowMs,
  };
}

/** Warnings that one request collects; fewer are sent. */
const MAX_WARNINGS = 200;

/** What is said twice, as of many objects of one request, is told once. */
export function contextOf(request: ApiRequest): RequestContext {
  const { user, warnings, annotations } = request;
  return {
    user,
    get strict() {
      return request.strict;
    },
    warn(text) {
      if (warnings.length < MAX_WARNINGS && !warnings.includes(text)) warnings.push(text);
    },
    annotate(key, value) {
      annotations.set(key, value);
    },
  };
}

/** Everything but watches and streams. */
export function serveResource(
  core: ResourceCore,
  actions: readonly ObjectAction[],
  request: ApiRequest,
  routed: RoutedRequest & { readonly virtual: undefined },
): Eventually<Answer> {
  const { stored: kind, verb, subresource } = routed;
  const { namespace, name } = request.target;
  if (verb !== 'get' || name === undefined || subresource === 'scale')
    return serveOtherwise(core, actions, request, routed);
  const form = answerContext(core, request, kind);
  const version = request.query.get('resourceVersion') ?? undefined;
  return andThen(core.get({ kind, namespace, name }, version), (object) => objectAnswer(200, object, form));
}

async function serveOtherwise(
  core: ResourceCore,
  actions: readonly ObjectAction[],
  request: ApiRequest,
  routed: RoutedRequest & { readonly virtual: undefined },
): Promise<Answer> {
  const { stored: kind, verb, subresource } = routed;
  const { target, query } = request;
  const { namespace } = target;
  const form = answerContext(core, request, kind);
  const context = contextOf(request);
  const collection = { kind, namespace };
  if (target.name === undefined) {
    switch (verb) {
      case 'create': {
        const options = writing(request, 'CreateOptions');
        const body = bodyOf(request);
        return objectAnswer(201, await core.create(collection, body, options, context), form);
      }
      case 'deletecollection': {
        const removal = deleteOptions(query, optionalBody(request));
        const list = listOptions(query, false);
        return listAnswer(await core.deleteCollection(collection, list, removal, context), form);
      }
      default:
        return listAnswer(await core.list(collection, listOptions(query, false)), form);
    }
  }
  const ref: ObjectRef = { kind, namespace, name: target.name };
  if (subresource === 'scale')
    return objectAnswer(200, await serveScale(core, request, ref, verb, context), form);
  if (subresource === 'binding') {
    const options = writing(request, 'CreateOptions');
    await core.bind(ref, bodyOf(request), options, context);
    return created(form);
  }
  const action = actions.find(
    (candidate) => candidate.subresource === subresource && candidate.resource === resourceIdOf(kind),
  );
  if (action && verb === 'create') {
    const options = writing(request, 'CreateOptions');
    const object = await action.create(ref, bodyOf(request), options, context);
    return object ? objectAnswer(201, object, form) : created(form);
  }
  switch (verb) {
    case 'update': {
      const options = writing(request, 'UpdateOptions');
      const { object, created: isNew } = await core.update(
        ref,
        bodyOf(request),
        options,
        context,
        subresource,
      );
      return objectAnswer(isNew ? 201 : 200, object, form);
    }
    case 'patch': {
      const options = writing(request, 'PatchOptions');
      const patch = patchOf(request);
      const written = await core.patch(ref, patch, options, context, subresource);
      return objectAnswer(written.created ? 201 : 200, written.object, form);
    }
    case 'delete': {
      const options = deleteOptions(query, optionalBody(request));
      const { cascades, ...removal } = options;
      return deleted(await core.delete(ref, removal, context), ref, cascades, form);
    }
    default:
      throw methodNotAllowed();
  }
}

async function serveScale(
  core: ResourceCore,
  request: ApiRequest,
  ref: ObjectRef,
  verb: Verb,
  context: RequestContext,
): Promise<KubeObject> {
  if (verb === 'get') return core.getScale(ref);
  if (verb === 'update') {
    const options = writing(request, 'UpdateOptions');
    return core.updateScale(ref, bodyOf(request), options, context);
  }
  const options = writing(request, 'PatchOptions');
  return core.patchScale(ref, patchOf(request), options, context);
}

const created = ({ form }: AnswerContext): Answer =>
  jsonAnswer(
    201,
    JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }),
    form.encoding,
  );

/** A client that does not say who it is goes by the name of its program. */
export function writing(request: ApiRequest, type: WriteOptionsType): WriteOptions {
  const options = writeOptions(request.query, type);
  const program = (request.headers['user-agent'] ?? '').split('/')[0] ?? '';
  return {
    ...options,
    fieldManager: options.fieldManager ?? (program.slice(0, MAX_MANAGER_LENGTH) || 'unknown'),
  };
}

/** Upstream's limit on the name of a field manager. */
const MAX_MANAGER_LENGTH = 128;

export function bodyOf(request: ApiRequest): unknown {
  const { body, headers } = request;
  if (!body || body.length === 0) throw badRequest('the request has no body');
  const { value, strict } = parseBody(headers['content-type'], body);
  request.strict = strict;
  return value;
}

function optionalBody({ body, headers }: ApiRequest): unknown {
  return body && body.length > 0 ? parseBody(headers['content-type'], body).value : undefined;
}

function patchOf(request: ApiRequest): Parameters<ResourceCore['patch']>[1] {
  const { format, body, strict } = parsePatch(
    request.headers['content-type'],
    request.body ?? Buffer.alloc(0),
  );
  request.strict = strict;
  const force = flagOf(request.query, 'force');
  if (format !== 'apply' && force !== undefined)
    throw invalidOptions('PatchOptions', {
      type: 'FieldValueForbidden',
      path: 'force',
      detail: 'may not be specified for non-apply patch',
    });
  if (format === 'apply' && !request.query.get('fieldManager'))
    throw invalidOptions('PatchOptions', {
      type: 'FieldValueRequired',
      path: 'fieldManager',
      detail: 'is required for apply patch',
    });
  return { format, body, ...(force === undefined ? {} : { force }) };
}

/** Kinds whose deletion is answered with the object, as upstream's storages are set up. */
const RETURNS_OBJECT: readonly string[] = ['Pod', 'Service', 'ServiceAccount', 'Namespace'];

function deleted(
  object: KubeObject,
  { kind, name }: ObjectRef,
  cascades: boolean,
  form: AnswerContext,
): Answer {
  const waits =
    object.metadata.deletionTimestamp !== undefined && (object.metadata.finalizers ?? []).length > 0;
  const code = waits && cascades ? 202 : 200;
  if (waits || (kind.group === '' && RETURNS_OBJECT.includes(kind.kind)))
    return objectAnswer(code, object, form);
  const { uid } = object.metadata;
  const details = {
    name,
    ...(kind.group === '' ? {} : { group: kind.group }),
    kind: kind.plural,
    ...(uid === undefined ? {} : { uid }),
  };
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
  return jsonAnswer(code, JSON.stringify(status), form.form.encoding);
}
