/** One request about a resource as its handler sees it. Options and body are read here. */
import type { IncomingHttpHeaders } from 'node:http';
import type { ResourceCore } from '../../resources/resource-core.ts';
import { invalidOptions } from '../../resources/refusals.ts';
import type { RequestContext, StrictReading, UserInfo, WriteOptions } from '../../resources/types.ts';
import { badRequest } from '../../schemas/errors/status.ts';
import { formatApiVersion } from '../../schemas/object.ts';
import type { ServedResource } from '../../schemas/resource-kind.ts';
import { hasProtobufForm } from '../protobuf/index.ts';
import type { IncludeObject } from '../tables/index.ts';
import type { AnswerContext } from './answers.ts';
import { negotiate } from './negotiation.ts';
import { flagOf, writeOptions, type WriteOptionsType } from './query-options.ts';
import { parseBody, parsePatch } from './request-body.ts';
import type { ResourceTarget } from './request-target.ts';
import type { RoutedRequest, StoredRoute, VirtualRoute } from './routing.ts';

export interface ApiRequest<Routed extends RoutedRequest = RoutedRequest> {
  readonly routed: Routed;
  readonly method: string;
  readonly target: ResourceTarget;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer | undefined;
  readonly user: UserInfo;
  readonly nowMs: number;
  readonly warnings: string[];
  /** For the audit log. */
  readonly annotations: Map<string, string>;
  /** Set once the body is read. */
  strict?: StrictReading | undefined;
}

export type StoredRequest = ApiRequest<StoredRoute>;
export type VirtualRequest = ApiRequest<VirtualRoute>;

/** How the request wants to be answered; throws 400 and 406. */
export function answerContext(request: ApiRequest, kind: ServedResource, hasTable = true): AnswerContext {
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
    nowMs: request.nowMs,
  };
}

/** Warnings that one request collects; fewer are sent. */
const MAX_WARNINGS = 200;

/** A warning that several objects of one request cause is given once. */
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

/** Upstream's limit on the name of a field manager. */
const MAX_MANAGER_LENGTH = 128;

/** A client that names no field manager goes by the name of its program. */
export function writing(request: ApiRequest, type: WriteOptionsType): WriteOptions {
  const options = writeOptions(request.query, type);
  const program = (request.headers['user-agent'] ?? '').split('/')[0] ?? '';
  return {
    ...options,
    fieldManager: options.fieldManager ?? (program.slice(0, MAX_MANAGER_LENGTH) || 'unknown'),
  };
}

export function bodyOf(request: ApiRequest): unknown {
  const { body, headers } = request;
  if (!body || body.length === 0) throw badRequest('the request has no body');
  const { value, strict } = parseBody(headers['content-type'], body);
  request.strict = strict;
  return value;
}

export function optionalBody({ body, headers }: ApiRequest): unknown {
  return body && body.length > 0 ? parseBody(headers['content-type'], body).value : undefined;
}

export function patchOf(request: ApiRequest): Parameters<ResourceCore['patch']>[1] {
  const content = request.body ?? Buffer.alloc(0);
  const { format, body, strict } = parsePatch(request.headers['content-type'], content);
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
