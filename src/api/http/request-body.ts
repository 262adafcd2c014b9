/** Bodies: JSON, YAML or protobuf by content type, parsed once, with everything that is wrong with them said as 400 or 415. */
import { ownMember } from '../../base/json.ts';
import { parseEvents } from 'js-yaml';
import { errorMessage } from '../../base/errors.ts';
import { composeDocuments } from '../../schemas/manifest/compose.ts';
import { defaultManifestLimits } from '../../schemas/manifest/index.ts';
import { badRequest, failure, type StatusError } from '../../schemas/status.ts';
import type { PatchFormat } from '../core/types.ts';
import { decodeObject } from '../protobuf/index.ts';
import { duplicateKeys } from './duplicate-keys.ts';

export interface ParsedBody {
  readonly value: unknown;
  /** Members named twice (JSON only). */
  readonly duplicates: readonly string[];
}

const ACCEPTED = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';

export function unsupportedMediaType(accepted = ACCEPTED): StatusError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted}`;
  return failure(415, 'UnsupportedMediaType', message);
}

export const mediaTypeOf = (contentType: string | undefined): string =>
  (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';

export function parseBody(contentType: string | undefined, body: Buffer): ParsedBody {
  switch (mediaTypeOf(contentType)) {
    case '':
    case 'application/json':
      return { value: parseJson(body), duplicates: duplicateKeys(body.toString('utf8')) };
    case 'application/yaml':
    case 'application/x-yaml':
    case 'text/yaml':
      return { value: parseYaml(body), duplicates: [] };
    case 'application/vnd.kubernetes.protobuf':
      return { value: parseProtobuf(body), duplicates: [] };
    default:
      throw unsupportedMediaType();
  }
}

/** No object is a tenth as deep; what reads values calls itself for each level. */
const MAX_DEPTH = 1_000;

/** Whether objects and lists lie in one another deeper than that. */
function isTooDeep(body: Buffer): boolean {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at];
    if (inText) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) inText = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth += 1;
      if (depth > MAX_DEPTH) return true;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1;
  }
  return false;
}

const [QUOTE, BACKSLASH, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = Buffer.from('"\\{}[]');

function readJson(body: Buffer): unknown {
  if (isTooDeep(body)) throw new Error('exceeded max depth');
  return JSON.parse(body.toString('utf8')) as unknown;
}

function parseJson(body: Buffer): unknown {
  try {
    return readJson(body);
  } catch (error) {
    throw badRequest(
      `the object provided is unrecognized (must be of type Object): couldn't get version/kind; json parse error: ${(error as Error).message}`,
    );
  }
}

/** The value that the same object has in JSON. Kinds of custom resources have no such form. */
function parseProtobuf(body: Buffer): unknown {
  const decoded = decodeObject(body);
  if (decoded.result === 'object') return decoded.value;
  if (decoded.result === 'unknown') throw unsupportedMediaType('application/json, application/yaml');
  throw badRequest(decoded.problem);
}

/** YAML as manifests are read: 1.1 scalars, no repeated keys, and budgets for depth and aliases. */
function parseYaml(body: Buffer): unknown {
  const text = body.toString('utf8');
  try {
    const events = parseEvents(text, { maxDepth: defaultManifestLimits.maxDepth });
    return composeDocuments(events, text, defaultManifestLimits)[0]?.value ?? {};
  } catch (error) {
    throw badRequest(`error converting YAML to JSON: yaml: ${errorMessage(error).split('\n', 1)[0] ?? ''}`);
  }
}

const PATCH_FORMATS: Readonly<Record<string, PatchFormat>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

export interface ParsedPatch {
  readonly format: PatchFormat;
  readonly body: unknown;
}

export function parsePatch(contentType: string | undefined, body: Buffer): ParsedPatch {
  const format = ownMember(PATCH_FORMATS, mediaTypeOf(contentType));
  if (!format) throw unsupportedMediaType(Object.keys(PATCH_FORMATS).join(', '));
  if (format === 'apply') return { format, body: parseYaml(body) };
  try {
    return { format, body: readJson(body) };
  } catch (error) {
    const text = (error as Error).message;
    throw badRequest(`error decoding patch: ${/end of/.test(text) ? 'unexpected end of JSON input' : text}`);
  }
}
