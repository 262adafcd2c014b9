/** Options of reads, writes and deletes, from query and body. Errors are upstream's. */
import { isRecord } from '../../base/json.ts';
import { getPath, isAbsent } from '../../schemas/json-access.ts';
import type { FieldError } from '../../schemas/errors/field-error.ts';
import { badRequest } from '../../schemas/errors/status.ts';
import { invalidOptions } from '../../resources/refusals.ts';
import type {
  FieldValidation,
  ReadListOptions,
  RemoveOptions,
  WatchOptions,
  WriteOptions,
} from '../../resources/types.ts';
import { parseResourceVersion } from '../../resources/reading/versions.ts';

/** As Go's strconv.ParseBool, with everything else true: a parameter without a value means yes. */
export function flagOf(query: URLSearchParams, name: string): boolean | undefined {
  const value = query.get(name);
  if (value === null) return undefined;
  return !['0', 'f', 'false'].includes(value.toLowerCase());
}

function integerOf(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === '') return undefined;
  if (!/^[-+]?\d+$/.test(value) || !Number.isSafeInteger(Number(value)))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  return Number(value);
}

const forbidden = (path: string, detail: string): FieldError => ({
  type: 'FieldValueForbidden',
  path,
  detail,
});

const listError = (error: FieldError): Error => invalidOptions('ListOptions', error);

export function listOptions(query: URLSearchParams, watching: boolean): ReadListOptions & WatchOptions {
  const text = (name: string): string => query.get(name) ?? '';
  const limit = integerOf(query, 'limit');
  const timeoutSeconds = integerOf(query, 'timeoutSeconds');
  const resourceVersion = text('resourceVersion');
  const match = text('resourceVersionMatch');
  const token = text('continue');
  const sendInitialEvents = flagOf(query, 'sendInitialEvents');
  if (resourceVersion !== '') parseResourceVersion(resourceVersion);
  if (match !== '') checkMatch(match, resourceVersion, watching, sendInitialEvents);
  if (sendInitialEvents !== undefined) {
    if (!watching) throw listError(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
    if (match !== 'NotOlderThan')
      throw listError(
        forbidden(
          'resourceVersionMatch',
          'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
        ),
      );
  }
  if (token !== '' && resourceVersion !== '' && resourceVersion !== '0')
    throw badRequest('specifying resource version is not allowed when using continue');
  return {
    labelSelector: text('labelSelector'),
    fieldSelector: text('fieldSelector'),
    resourceVersion,
    ...(limit !== undefined && limit > 0 ? { limit } : {}),
    ...(token === '' ? {} : { continue: token }),
    ...(match === 'Exact' || match === 'NotOlderThan' ? { resourceVersionMatch: match } : {}),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    ...(sendInitialEvents === undefined ? {} : { sendInitialEvents }),
    allowWatchBookmarks: flagOf(query, 'allowWatchBookmarks') ?? false,
  };
}

function checkMatch(
  match: string,
  resourceVersion: string,
  watching: boolean,
  sendInitialEvents: boolean | undefined,
): void {
  const path = 'resourceVersionMatch';
  if (watching && sendInitialEvents === undefined)
    throw listError(
      forbidden(path, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'),
    );
  if (resourceVersion === '' && sendInitialEvents === undefined)
    throw listError(forbidden(path, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
  if (match === 'Exact' && resourceVersion === '0')
    throw listError(forbidden(path, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  if (match !== 'Exact' && match !== 'NotOlderThan')
    throw listError({
      type: 'FieldValueNotSupported',
      path,
      value: match,
      detail: 'supported values: "Exact", "NotOlderThan", ""',
    });
}

function dryRunOf(values: readonly string[], type: string): boolean {
  if (values.length === 0) return false;
  if (values.some((value) => value !== 'All'))
    throw invalidOptions(type, {
      type: 'FieldValueNotSupported',
      path: 'dryRun',
      value: values,
      detail: 'supported values: "All"',
    });
  return true;
}

const VALIDATIONS: readonly string[] = ['Strict', 'Warn', 'Ignore'];

export type WriteOptionsType = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions';

export function writeOptions(query: URLSearchParams, type: WriteOptionsType): WriteOptions {
  const fieldValidation = query.get('fieldValidation') || 'Warn';
  if (!VALIDATIONS.includes(fieldValidation))
    throw invalidOptions(type, {
      type: 'FieldValueNotSupported',
      path: 'fieldValidation',
      value: fieldValidation,
      detail: 'supported values: "Ignore", "Strict", "Warn"',
    });
  const fieldManager = query.get('fieldManager');
  return {
    dryRun: dryRunOf(
      query.getAll('dryRun').filter((value) => value !== ''),
      type,
    ),
    fieldValidation: fieldValidation as FieldValidation,
    ...(fieldManager === null || fieldManager === '' ? {} : { fieldManager }),
  };
}

export interface DeleteRequest extends RemoveOptions {
  /** The deprecated `orphanDependents: false`, which changes the answer's code. */
  readonly cascades: boolean;
}

const DELETE_KIND = 'k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27';

/** Delete options of the body, or of the query where there is no body. */
export function deleteOptions(query: URLSearchParams, body: unknown): DeleteRequest {
  const given = body === undefined ? fromQuery(query) : fromBody(body);
  const queryDryRun = query.getAll('dryRun').filter((value) => value !== '');
  const { dryRun = [], propagationPolicy, orphanDependents, gracePeriodSeconds, preconditions } = given;
  const fail = (type: FieldError['type'], detail: string): Error =>
    invalidOptions('DeleteOptions', { type, path: 'propagationPolicy', value: propagationPolicy, detail });
  if (propagationPolicy !== undefined && orphanDependents !== undefined)
    throw fail('FieldValueInvalid', 'orphanDependents and deletionPropagation cannot be both set');
  if (propagationPolicy !== undefined && !isPolicy(propagationPolicy))
    throw fail('FieldValueNotSupported', 'supported values: "Foreground", "Background", "Orphan", "nil"');
  const older = orphanDependents === undefined ? undefined : orphanDependents ? 'Orphan' : 'Background';
  const policy = propagationPolicy ?? older;
  return {
    dryRun: dryRunOf([...dryRun, ...queryDryRun], 'DeleteOptions'),
    cascades: orphanDependents === false,
    ...(policy === undefined ? {} : { propagationPolicy: policy }),
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(preconditions === undefined ? {} : { preconditions }),
  };
}

type Policy = NonNullable<RemoveOptions['propagationPolicy']>;
const isPolicy = (text: string): text is Policy => ['Foreground', 'Background', 'Orphan'].includes(text);

interface RawDeleteOptions {
  readonly dryRun?: readonly string[] | undefined;
  readonly propagationPolicy?: string | undefined;
  readonly orphanDependents?: boolean | undefined;
  readonly gracePeriodSeconds?: number | undefined;
  readonly preconditions?: RemoveOptions['preconditions'] | undefined;
}

const fromQuery = (query: URLSearchParams): RawDeleteOptions => ({
  gracePeriodSeconds: integerOf(query, 'gracePeriodSeconds'),
  orphanDependents: flagOf(query, 'orphanDependents'),
  propagationPolicy: query.get('propagationPolicy') || undefined,
});

const isText = (value: unknown): boolean => typeof value === 'string';

/** Go's types of the fields, as its error texts name them, and what a value must be. */
const DELETE_FIELDS: Readonly<Record<string, readonly [type: string, holds: (value: unknown) => boolean]>> = {
  dryRun: ['[]string', (value) => Array.isArray(value) && value.every(isText)],
  propagationPolicy: ['string', isText],
  orphanDependents: ['bool', (value) => typeof value === 'boolean'],
  gracePeriodSeconds: ['int64', Number.isSafeInteger],
  preconditions: ['v1.Preconditions', isRecord],
  'preconditions.uid': ['types.UID', isText],
  'preconditions.resourceVersion': ['string', isText],
};

function fromBody(body: unknown): RawDeleteOptions {
  if (!isRecord(body))
    throw badRequest("couldn't get version/kind; json parse error: the body is not an object");
  const kind = body['kind'];
  if (typeof kind === 'string' && kind !== '' && kind !== 'DeleteOptions')
    throw badRequest(
      `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(body['apiVersion'] ?? '')} in scheme ${JSON.stringify(DELETE_KIND)}`,
    );
  const options = present(body);
  for (const [path, [type, holds]] of Object.entries(DELETE_FIELDS)) {
    const value = getPath(options, ...path.split('.'));
    if (!isAbsent(value) && !holds(value))
      throw badRequest(`json: cannot unmarshal into Go struct field DeleteOptions.${path} of type ${type}`);
  }
  const { preconditions } = options;
  const checked = isRecord(preconditions) ? { preconditions: present(preconditions) } : {};
  return { ...options, ...checked };
}

/** A null is an absent field. */
const present = (fields: object): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => !isAbsent(value)));
