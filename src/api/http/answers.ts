/** Answers as bytes: objects, lists, Tables and Statuses in the form that was negotiated. */
import { dump } from 'js-yaml';
import { formatApiVersion, type KubeObject } from '../../schemas/object.ts';
import type { ServedResource } from '../../schemas/resource-kind.ts';
import type { Status } from '../../schemas/errors/status.ts';
import type { ObjectPage } from '../../resources/types.ts';
import { type IncludeObject, partialObjectMetadata, toTable } from '../tables/index.ts';
import { encodeObject } from '../protobuf/index.ts';
import { type AnswerForm, PROTOBUF } from './negotiation.ts';
import { listBytes, objectBytes } from './object-json.ts';

export interface Answer {
  readonly code: number;
  readonly contentType: string;
  /** Parts are made as they are sent, so that a long list blocks nobody. */
  readonly body: string | Buffer | Iterable<Buffer>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface AnswerContext {
  readonly form: AnswerForm;
  readonly kind: ServedResource;
  readonly includeObject: IncludeObject;
  readonly nowMs: number;
}

export function jsonAnswer(code: number, body: string, encoding: AnswerForm['encoding'] = 'json'): Answer {
  if (encoding === 'json') return { code, contentType: 'application/json', body };
  if (encoding === 'protobuf') return protobufAnswer(code, JSON.parse(body) as Record<string, unknown>);
  return { code, contentType: 'application/yaml', body: dump(JSON.parse(body)) };
}

/** Negotiation picks this form only for kinds that have it; anything else is answered in JSON. */
function protobufAnswer(code: number, value: Readonly<Record<string, unknown>>): Answer {
  const body = encodeObject(value);
  return body ? { code, contentType: PROTOBUF, body } : jsonAnswer(code, JSON.stringify(value));
}

export function textAnswer(code: number, body: string): Answer & { readonly body: string } {
  return { code, contentType: 'text/plain; charset=utf-8', body };
}

export function statusAnswer(status: Status, encoding: AnswerForm['encoding'] = 'json'): Answer {
  const retryAfter = status.details?.retryAfterSeconds;
  const answer = jsonAnswer(status.code, JSON.stringify(status), encoding);
  return retryAfter === undefined ? answer : { ...answer, headers: { 'retry-after': String(retryAfter) } };
}

/** Longer lists go out in parts; shorter ones at once, with their length. */
const MANY_OBJECTS = 100;

/** The transform in the requested version of `meta.k8s.io`; both have the same fields. */
export function transformed<T extends object>(value: T, form: AnswerForm): T {
  const { transformVersion } = form;
  return transformVersion === undefined ? value : { ...value, apiVersion: `meta.k8s.io/${transformVersion}` };
}

export function objectAnswer(code: number, object: KubeObject, context: AnswerContext): Answer {
  const { form } = context;
  if (form.transform === 'Table') {
    const metadata = { resourceVersion: object.metadata.resourceVersion ?? '' };
    const table = transformed(toTable({ ...context, objects: [object], metadata }), form);
    return jsonAnswer(code, JSON.stringify(table), form.encoding);
  }
  if (form.transform === 'PartialObjectMetadata')
    return jsonAnswer(code, JSON.stringify(transformed(partialObjectMetadata(object), form)), form.encoding);
  if (form.encoding === 'protobuf') return protobufAnswer(code, object);
  const bytes = objectBytes(object);
  if (form.encoding === 'json') return { code, contentType: 'application/json', body: bytes };
  return jsonAnswer(code, bytes.toString('utf8'), form.encoding);
}

export function listAnswer(page: ObjectPage, context: AnswerContext): Answer {
  const { kind, form } = context;
  const metadata = {
    resourceVersion: page.resourceVersion,
    ...(page.continue === undefined ? {} : { continue: page.continue }),
    ...(page.remainingItemCount === undefined ? {} : { remainingItemCount: page.remainingItemCount }),
  };
  if (form.transform === 'Table')
    return jsonAnswer(
      200,
      JSON.stringify(transformed(toTable({ ...context, objects: page.objects, metadata }), form)),
      form.encoding,
    );
  if (form.transform !== undefined) {
    const items = page.objects.map((object) => transformed(partialObjectMetadata(object), form));
    const list = { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items };
    return jsonAnswer(200, JSON.stringify(transformed(list, form)), form.encoding);
  }
  const type = { kind: `${kind.kind}List`, apiVersion: formatApiVersion(kind.group, kind.version) };
  if (form.encoding === 'protobuf') return protobufAnswer(200, { ...type, metadata, items: page.objects });
  const parts = listBytes({ ...type, metadata }, page.objects);
  if (form.encoding !== 'json')
    return jsonAnswer(200, Buffer.concat([...parts]).toString('utf8'), form.encoding);
  const body = page.objects.length > MANY_OBJECTS ? parts : Buffer.concat([...parts]);
  return { code: 200, contentType: 'application/json', body };
}
