/** Parses bodies once, by content type. Everything wrong with them is 400 or 415. */
import { ownMember } from '../../base/json.ts';
import { parseEvents } from 'js-yaml';
import { errorMessage } from '../../base/errors.ts';
import { composeDocuments } from '../../schemas/manifest/compose.ts';
import { defaultManifestLimits } from '../../schemas/manifest/index.ts';
import { countTokens, createLineIndex } from '../../schemas/manifest/text.ts';
import { badRequest, failure, StatusError } from '../../schemas/errors/status.ts';
import type { PatchFormat, StrictReading } from '../../resources/types.ts';
import { MAX_STRICT_FINDINGS, MAX_VALUES, tooManyValues } from '../../resources/decoding/body-limits.ts';
import { decodeObject } from '../protobuf/index.ts';
import { duplicateField, duplicateKeys, strictFindings, unknownField } from './duplicate-keys.ts';

export interface ParsedBody {
  readonly value: unknown;
  /** Absent where the form cannot name a member twice. */
  readonly strict?: StrictReading;
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
      return jsonBody(body);
    case 'application/yaml':
    case 'application/x-yaml':
    case 'text/yaml':
      return yamlBody(body);
    case 'application/vnd.kubernetes.protobuf':
      return { value: parseProtobuf(body) };
    default:
      throw unsupportedMediaType();
  }
}

/** No object is a tenth as deep. Readers of values recurse for each level. */
const MAX_DEPTH = 1_000;

/**
 * Refuses bodies that are too deep or hold too many values, before any value is built. A comma
 * outside of texts counts as one more value, a bracket as a list or an object.
 */
function checkForm(body: Uint8Array): void {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at];
    if (byte === QUOTE) at = textEnd(body, at);
    else if (byte === COMMA) values += 1;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth += 1;
      values += 1;
      if (depth > MAX_DEPTH) throw new Error('exceeded max depth');
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1;
    if (values > MAX_VALUES) throw tooManyValues();
  }
}

/** Where the text ends that begins at `start`; the end of the body if it does not. */
function textEnd(body: Uint8Array, start: number): number {
  for (let end = body.indexOf(QUOTE, start + 1); end >= 0; end = body.indexOf(QUOTE, end + 1)) {
    let before = end - 1;
    while (body[before] === BACKSLASH) before -= 1;
    if ((end - before) % 2 === 1) return end;
  }
  return body.length;
}

const [QUOTE = 0, BACKSLASH, COMMA, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] =
  Buffer.from('"\\,{}[]');

function readJson(body: Buffer): unknown {
  checkForm(body);
  return JSON.parse(body.toString('utf8')) as unknown;
}

function parseJson(body: Buffer): unknown {
  try {
    return readJson(body);
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw badRequest(
      `the object provided is unrecognized (must be of type Object): couldn't get version/kind; json parse error: ${(error as Error).message}`,
    );
  }
}

function jsonBody(body: Buffer): ParsedBody {
  const value = parseJson(body);
  const text = body.toString('utf8');
  return {
    value,
    strict: (unknown) =>
      unknown.length === 0 ? duplicateKeys(text).map(duplicateField) : strictFindings(text, unknown),
  };
}

/** The value of the same object in JSON. Custom resources have no protobuf form. */
function parseProtobuf(body: Buffer): unknown {
  let values = 0;
  const onValue = (): void => {
    values += 1;
    if (values > MAX_VALUES) throw tooManyValues();
  };
  const decoded = decodeObject(body, { onValue, onJson: checkForm });
  if (decoded.result === 'object') return decoded.value;
  if (decoded.result === 'unknown') throw unsupportedMediaType('application/json, application/yaml');
  throw badRequest(decoded.problem);
}

/**
 * YAML as manifests are read: 1.1 scalars, and budgets for values, depth and aliases. Strict
 * reading reports repeated keys; the last one wins. Upstream reads YAML as JSON with sorted names,
 * and reports unknown fields in that order.
 */
function yamlBody(body: Buffer): ParsedBody {
  const { value, repeated } = parseYaml(body);
  return {
    value,
    strict: (unknown) => [...repeatedKeys(repeated), ...[...unknown].sort().map(unknownField)],
  };
}

/** One finding for all, as Go's decoder has it. */
const repeatedKeys = (lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [`yaml: unmarshal errors:\n${lines.map((line) => `  ${line}`).join('\n')}`];

interface ParsedYaml {
  readonly value: unknown;
  /** `line 3: key "a" already set in map` */
  readonly repeated: readonly string[];
}

function parseYaml(body: Buffer): ParsedYaml {
  // Clients send JSON as YAML: every server-side apply of kubectl does.
  if (body[0] === OPEN_BRACE) {
    try {
      const value = readJson(body);
      if (duplicateKeys(body.toString('utf8')).length === 0) return { value, repeated: [] };
    } catch (error) {
      if (error instanceof StatusError) throw error;
      // It is YAML's flow style.
    }
  }
  const text = body.toString('utf8');
  try {
    if (countTokens(text) > MAX_VALUES) throw tooManyValues();
    checkLines(text);
    const events = parseEvents(text, { maxDepth: defaultManifestLimits.maxDepth });
    const lineOf = createLineIndex(text);
    const repeated: string[] = [];
    const [first] = composeDocuments(events, text, defaultManifestLimits, (key, offset) => {
      if (repeated.length < MAX_STRICT_FINDINGS)
        repeated.push(`line ${lineOf(offset).line}: key ${JSON.stringify(key)} already set in map`);
    });
    return { value: first?.value ?? {}, repeated };
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw badRequest(`error converting YAML to JSON: yaml: ${errorMessage(error).split('\n', 1)[0] ?? ''}`);
  }
}

/** The parser's error text shows the whole line, and costs as much. No accepted value is longer. */
function checkLines(text: string): void {
  const most = defaultManifestLimits.maxScalarCharacters;
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\n', start);
    if ((end < 0 ? text.length : end) - start > most)
      throw new Error(`a line is longer than ${most} characters`);
    start = end < 0 ? text.length : end + 1;
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
  readonly strict?: StrictReading;
}

export function parsePatch(contentType: string | undefined, body: Buffer): ParsedPatch {
  const format = ownMember(PATCH_FORMATS, mediaTypeOf(contentType));
  if (!format) throw unsupportedMediaType(Object.keys(PATCH_FORMATS).join(', '));
  if (format === 'apply') {
    const { value, repeated } = parseYaml(body);
    return { format, body: value, strict: () => repeatedKeys(repeated) };
  }
  try {
    const value = readJson(body);
    if (format === 'json') return { format, body: value };
    const text = body.toString('utf8');
    const strict: StrictReading = (unknown) => [
      ...duplicateKeys(text).map(duplicateField),
      ...unknown.map(unknownField),
    ];
    return { format, body: value, strict };
  } catch (error) {
    if (error instanceof StatusError) throw error;
    const text = (error as Error).message;
    throw badRequest(`error decoding patch: ${/end of/.test(text) ? 'unexpected end of JSON input' : text}`);
  }
}
