/** Options of reads, writes and deletes, from query and body. Errors are upstream's. */
import { isRecord } from '../../base/json.ts';
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
  const fail = (type: FieldError['type'], value: string, detail: string): Error =>
    invalidOptions('DeleteOptions', { type, path: 'propagationPolicy', value, detail });
  if (propagationPolicy !== undefined && orphanDependents !== undefined)
    throw fail(
      'FieldValueInvalid',
      propagationPolicy,
      'orphanDependents and deletionPropagation cannot be both set',
    );
  if (propagationPolicy !== undefined && !POLICIES.includes(propagationPolicy))
    throw fail(
      'FieldValueNotSupported',
      propagationPolicy,
      'supported values: "Foreground", "Background", "Orphan", "nil"',
    );
  const policy =
    propagationPolicy ??
    (orphanDependents === undefined ? undefined : orphanDependents ? 'Orphan' : 'Background');
  return {
    dryRun: dryRunOf([...dryRun, ...queryDryRun], 'DeleteOptions'),
    cascades: orphanDependents === false,
    ...(policy === undefined
      ? {}
      : { propagationPolicy: policy as NonNullable<RemoveOptions['propagationPolicy']> }),
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(preconditions === undefined ? {} : { preconditions }),
  };
}

const POLICIES: readonly string[] = ['Foreground', 'Background', 'Orphan'];

interface RawDeleteOptions {
  readonly dryRun?: readonly string[];
  readonly propagationPolicy?: string;
  readonly orphanDependents?: boolean;
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

function fromQuery(query: URLSearchParams): RawDeleteOptions {
  const grace = integerOf(query, 'gracePeriodSeconds');
  const orphan = flagOf(query, 'orphanDependents');
  const policy = query.get('propagationPolicy');
  return {
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(orphan === undefined ? {} : { orphanDependents: orphan }),
    ...(policy === null || policy === '' ? {} : { propagationPolicy: policy }),
  };
}

function fromBody(body: unknown): RawDeleteOptions {
  if (!isRecord(body))
    throw badRequest("couldn't get version/kind; json parse error: the body is not an object");
  const kind = body['kind'];
  if (typeof kind === 'string' && kind !== '' && kind !== 'DeleteOptions')
    throw badRequest(
      `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(body['apiVersion'] ?? '')} in scheme ${JSON.stringify(DELETE_KIND)}`,
    );
  const wrong = (field: string, type: string): Error =>
    badRequest(`json: cannot unmarshal into Go struct field DeleteOptions.${field} of type ${type}`);
  const { dryRun, propagationPolicy, orphanDependents, gracePeriodSeconds, preconditions } = body;
  const present = (value: unknown): boolean => value !== undefined && value !== null;
  if (present(dryRun) && !(Array.isArray(dryRun) && dryRun.every((value) => typeof value === 'string')))
    throw wrong('dryRun', '[]string');
  if (present(propagationPolicy) && typeof propagationPolicy !== 'string')
    throw wrong('propagationPolicy', 'string');
  if (present(orphanDependents) && typeof orphanDependents !== 'boolean')
    throw wrong('orphanDependents', 'bool');
  if (present(gracePeriodSeconds) && !Number.isSafeInteger(gracePeriodSeconds))
    throw wrong('gracePeriodSeconds', 'int64');
  if (present(preconditions) && !isRecord(preconditions)) throw wrong('preconditions', 'v1.Preconditions');
  const { uid, resourceVersion } = isRecord(preconditions) ? preconditions : {};
  if (present(uid) && typeof uid !== 'string') throw wrong('preconditions.uid', 'types.UID');
  if (present(resourceVersion) && typeof resourceVersion !== 'string')
    throw wrong('preconditions.resourceVersion', 'string');
  return {
    ...(present(dryRun) ? { dryRun: dryRun as string[] } : {}),
    ...(present(propagationPolicy) ? { propagationPolicy: propagationPolicy as string } : {}),
    ...(present(orphanDependents) ? { orphanDependents: orphanDependents as boolean } : {}),
    ...(present(gracePeriodSeconds) ? { gracePeriodSeconds: gracePeriodSeconds as number } : {}),
    ...(isRecord(preconditions)
      ? {
          preconditions: {
            ...(present(uid) ? { uid: uid as string } : {}),
            ...(present(resourceVersion) ? { resourceVersion: resourceVersion as string } : {}),
          },
        }
      : {}),
  };
}
