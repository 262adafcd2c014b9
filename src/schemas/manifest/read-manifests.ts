/**
 * Reads one file of manifests, YAML or JSON, as Kubernetes reads it (resolve-scalar.ts,
 * docs/adr/0005). Pure and total: any bytes give documents or errors, never an exception, within
 * the limits.
 *
 * One syntax error refuses the whole file, so that half of a file is never applied. Empty documents
 * are skipped. A document is a manifest when it has two of `apiVersion`, `kind` and `metadata`, or
 * a name in its metadata. A file without one is another tool's (a values file, a workflow): it is
 * passed over whole, as Argo CD does in a directory, and foreign-files.ts says why. If one document
 * is a manifest, all have to be. A kustomization and a chart are errors: what lies around them is
 * not to be applied as it is (client-tools.ts).
 */
import type { Event } from 'js-yaml';
import { errorMessage } from '../../base/errors.ts';
import { isRecord } from '../../base/json.ts';
import type { KubeObject } from '../object.ts';
import { ComposeError, type ComposedDocument, composeDocuments } from './compose.ts';
import { toolFolderOf } from './client-tools.ts';
import {
  foreignByName,
  mentionsManifest,
  notManifestReason,
  sopsComplaint,
  unreadReason,
} from './foreign-files.ts';
import { createLocator } from './locate.ts';
import { parseLeniently, SyntaxProblem } from './parse.ts';
import { createLineIndex, decodeText } from './text.ts';
import type { ManifestDocument, ManifestError, ManifestFile, ManifestLimits, Position } from './types.ts';
import { defaultManifestLimits } from './types.ts';

export interface ReadResult {
  readonly documents: readonly ManifestDocument[];
  readonly errors: readonly ManifestError[];
  /** Why the file is no manifest at all (and so neither documents nor errors). */
  readonly notManifest?: string;
}

/** More objects than this in nested Lists are refused together with the file's documents. */
const MAX_LIST_DEPTH = 10;

export function readManifests(
  file: ManifestFile,
  limits: ManifestLimits = defaultManifestLimits,
): ReadResult {
  const decoded = decodeText(file, limits);
  if ('error' in decoded) return { documents: [], errors: [decoded.error] };
  const text = decoded.text;
  const unread = unreadReason(file.path, text);
  if (unread !== undefined) return { documents: [], errors: [], notManifest: unread };
  let positionOf = createLineIndex(text);
  let parsed: ReturnType<typeof parseLeniently>;
  let composed: ComposedDocument[];
  try {
    // JSON may be indented with tabs, YAML may not; inside a JSON string there is never a plain
    // tab.
    parsed = parseLeniently(isJson(file.path, text) ? text.replaceAll('\t', ' ') : text, limits.maxDepth);
    positionOf = parsed.positionOf;
    composed = composeDocuments(parsed.events, parsed.text, limits);
  } catch (error) {
    const problem = toolFolderOf(file.path, [undefined]);
    if (problem) return { documents: [], errors: [{ file: file.path, ...positionOf(0), ...problem }] };
    const notManifest = mentionsManifest(text) ? undefined : foreignUnread(file.path, error);
    if (notManifest !== undefined) return { documents: [], errors: [], notManifest };
    return { documents: [], errors: [syntaxError(file.path, text, error, positionOf)] };
  }
  const contents = composed.filter((document) => document.value !== null);
  const values = contents.map(({ value }) => value);
  const problem = toolFolderOf(file.path, values) ?? sopsComplaint(values);
  if (problem)
    return {
      documents: [],
      errors: [{ file: file.path, ...positionOf(contents[0]?.offset ?? 0), ...problem }],
    };
  if (values.length === 0) return { documents: [], errors: [] };
  if (!values.some(looksLikeManifest))
    return { documents: [], errors: [], notManifest: notManifestReason(file.path, values) };
  return collect(file.path, parsed.text, parsed.events, composed, limits, positionOf);
}

/** One YAML document (a configuration file), read by the same rules; `locate` takes paths. */
export function readYamlDocument(
  file: ManifestFile,
  limits: ManifestLimits = defaultManifestLimits,
): { readonly value: unknown; locate(path: string): Position } | { readonly error: ManifestError } {
  const decoded = decodeText(file, limits);
  if ('error' in decoded) return decoded;
  const { text } = decoded;
  let positionOf = createLineIndex(text);
  try {
    const parsed = parseLeniently(text, limits.maxDepth);
    positionOf = parsed.positionOf;
    const [first, second] = composeDocuments(parsed.events, parsed.text, limits);
    if (second && second.value !== null)
      return {
        error: { file: file.path, ...positionOf(second.offset), message: 'only one document is expected' },
      };
    const find = createLocator(parsed.events, parsed.text, first?.firstEvent ?? 0);
    return { value: first?.value ?? null, locate: (path) => positionOf(find(path)) };
  } catch (error) {
    return { error: syntaxError(file.path, text, error, positionOf) };
  }
}

/** Why a file that cannot be read, and says nothing of a manifest, is somebody else's. */
function foreignUnread(path: string, error: unknown): string | undefined {
  if (error instanceof ComposeError && error.tag !== undefined)
    return `data of another tool, which has the tag ${error.tag}`;
  return foreignByName(path);
}

const isJson = (path: string, text: string): boolean => /\.json$/i.test(path) || /^\s*\{\s*"/.test(text);

/** Files of other tools have one of the three now and then, but hardly a name in it. */
function looksLikeManifest(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { metadata } = value;
  if (isRecord(metadata) && Object.hasOwn(metadata, 'name')) return true;
  return ['apiVersion', 'kind', 'metadata'].filter((key) => Object.hasOwn(value, key)).length >= 2;
}

function collect(
  path: string,
  text: string,
  events: readonly Event[],
  composed: readonly ComposedDocument[],
  limits: ManifestLimits,
  positionOf: (offset: number) => Position,
): ReadResult {
  const documents: ManifestDocument[] = [];
  const errors: ManifestError[] = [];
  composed.forEach((document) => {
    if (document.value === null) return;
    const find = createLocator(events, text, document.firstEvent);
    const visit = (value: unknown, base: string, inferred: TypeMeta | undefined, depth: number): void => {
      const locate = (field: string): Position =>
        positionOf(
          find(field === '' || field.startsWith('[') || base === '' ? base + field : `${base}.${field}`),
        );
      const refuse = (field: string, message: string, hint?: string): void => {
        errors.push({ file: path, ...locate(field), ...(hint ? { hint } : {}), message });
      };
      if (documents.length >= limits.maxDocuments) {
        if (documents.length === limits.maxDocuments && errors.length === 0)
          refuse('', `the file has more than ${limits.maxDocuments} objects`, 'split it into several files');
        return;
      }
      if (!isRecord(value)) return refuse('', `a manifest must be an object, not ${nameOfType(value)}`);
      const type = typeOf(value, inferred);
      if (typeof type === 'string')
        return refuse(Object.hasOwn(value, type) ? type : '', missing(value, type));
      const items = value['items'];
      if (type.kind.endsWith('List') && Array.isArray(items)) {
        if (depth >= MAX_LIST_DEPTH)
          return refuse('', `Lists are nested deeper than ${MAX_LIST_DEPTH} levels`);
        const itemType =
          type.kind === 'List' ? undefined : { apiVersion: type.apiVersion, kind: type.kind.slice(0, -4) };
        items.forEach((item: unknown, index) =>
          visit(item, `${base === '' ? '' : `${base}.`}items[${index}]`, itemType, depth + 1),
        );
        return;
      }
      const object = (
        inferred && (!('kind' in value) || !('apiVersion' in value)) ? { ...type, ...value } : value
      ) as KubeObject;
      documents.push({ object, source: { file: path, ...locate('') }, locate });
    };
    visit(document.value, '', undefined, 0);
  });
  return errors.length > 0 ? { documents: [], errors } : { documents, errors };
}

interface TypeMeta {
  readonly apiVersion: string;
  readonly kind: string;
}

/** The object's type, or the name of the wrong field. Items of a typed list may omit theirs. */
function typeOf(
  value: Record<string, unknown>,
  inferred: TypeMeta | undefined,
): TypeMeta | 'apiVersion' | 'kind' {
  const apiVersion = value['apiVersion'] ?? inferred?.apiVersion;
  const kind = value['kind'] ?? inferred?.kind;
  if (typeof apiVersion !== 'string' || apiVersion === '') return 'apiVersion';
  if (typeof kind !== 'string' || kind === '') return 'kind';
  return { apiVersion, kind };
}

function missing(value: Record<string, unknown>, field: 'apiVersion' | 'kind'): string {
  if (Object.hasOwn(value, field)) return `${field} must be a non-empty string`;
  const other = field === 'kind' ? 'apiVersion' : 'kind';
  return typeof value[other] === 'string' ? `${field} is missing` : 'apiVersion and kind are missing';
}

const nameOfType = (value: unknown): string => (Array.isArray(value) ? 'a list' : `a ${typeof value}`);

function syntaxError(
  file: string,
  text: string,
  error: unknown,
  positionOf: (offset: number) => Position,
): ManifestError {
  const template = [
    ['{{', '}}'],
    ['{%', '%}'],
  ].some(([open = '', close = '']) => {
    const opened = text.indexOf(open);
    return opened >= 0 && text.includes(close, opened + open.length);
  });
  const templateHint = 'it looks like a template (Helm or another); render it first';
  if (error instanceof ComposeError) {
    const hint = template && !error.hint ? templateHint : error.hint;
    return { file, ...positionOf(error.offset), message: error.message, ...(hint ? { hint } : {}) };
  }
  if (error instanceof SyntaxProblem) {
    const message = error.message.startsWith('nesting exceeded')
      ? 'the values are nested too deep'
      : `not valid YAML: ${error.message}`;
    const hint = template ? templateHint : error.message.includes('tab') ? 'indent with spaces' : undefined;
    return { file, ...error.position, message, ...(hint ? { hint } : {}) };
  }
  // The parser's own failure on hostile input: refused like any other file that cannot be read.
  return { file, message: `cannot be read: ${errorMessage(error)}` };
}
