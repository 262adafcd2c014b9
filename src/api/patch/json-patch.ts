/**
 * JSON Patch (RFC 6902). The input is untrusted: its shape and size are checked before fast-json-patch sees it, and
 * whatever that library throws becomes a patch error. The document is never mutated.
 */
import jsonPatch, { type Operation } from 'fast-json-patch';
import { isRecord, jsonClone } from '../../base/json.ts';
import { badRequest, failure, type StatusError } from '../../schemas/status.ts';

/** Upstream's limit on the operations of one patch (a small patch could otherwise cost much work). */
const MAX_OPERATIONS = 10_000;
/** Upstream's limit on what the copies of one patch add, in characters of JSON: they may double a document each time. */
const MAX_COPIED_CHARS = 3_145_728;

const OPERATIONS = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test']);
const rejected = (): StatusError =>
  failure(422, 'Invalid', 'the server rejected our request due to an error in our request', {});

/** `/a/b` without the names that would reach a prototype. */
const FORBIDDEN_SEGMENT = /(^|\/)(__proto__|constructor|prototype)(\/|$)/;

export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) {
    const kind = patch === null ? 'null' : typeof patch;
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${kind} into Go value of type jsonpatch.Patch`,
    );
  }
  if (patch.length > MAX_OPERATIONS) {
    const message = `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`;
    throw failure(413, 'RequestEntityTooLarge', message);
  }
  let result: unknown = jsonClone(document);
  let copied = 0;
  for (const operation of patch as unknown[]) {
    const checked = checkOperation(operation);
    if (checked.op !== 'copy' && checked.op !== 'move') {
      result = applyOne(result, checked);
      continue;
    }
    const { op, from, path } = checked;
    const value = readPointer(result, from);
    if (value === undefined) throw rejected();
    if (op === 'copy') copied += JSON.stringify(value).length;
    if (copied > MAX_COPIED_CHARS) throw rejected();
    const rest = op === 'move' ? applyOne(result, { op: 'remove', path: from }) : result;
    result = applyOne(rest, { op: 'add', path, value: op === 'copy' ? jsonClone(value) : value });
  }
  return result;
}

/** In place: the document is our own copy already, and one more for each operation would cost its size each time. */
function applyOne(document: unknown, operation: Operation): unknown {
  try {
    return jsonPatch.applyOperation(document, negativeIndex(document, operation), true, true, true)
      .newDocument;
  } catch (error) {
    throw translate(error);
  }
}

function checkOperation(operation: unknown): Operation {
  if (!isRecord(operation)) throw rejected();
  const { op, path, from } = operation;
  if (typeof op !== 'string' || !OPERATIONS.has(op) || typeof path !== 'string') throw rejected();
  if ((op === 'move' || op === 'copy') && typeof from !== 'string') throw rejected();
  // RFC 6902, 4.4: nothing can be moved into itself.
  if (op === 'move' && path.startsWith(`${String(from)}/`)) throw rejected();
  for (const pointer of [path, from])
    if (typeof pointer === 'string' && FORBIDDEN_SEGMENT.test(pointer)) throw rejected();
  const needsValue = op === 'add' || op === 'replace' || op === 'test';
  const value = operation['value'] === undefined ? null : jsonClone(operation['value']);
  return (needsValue ? { op, path, value } : operation) as unknown as Operation;
}

/** Go's library takes `-1` as an index from the end for existing elements; kept, since clients use it. */
function negativeIndex(document: unknown, operation: Operation): Operation {
  const match = /^(.*)\/-(\d+)$/.exec(operation.path);
  if (!match) return operation;
  const parent: unknown = readPointer(document, match[1] ?? '');
  if (!Array.isArray(parent)) return operation;
  const index = parent.length - Number(match[2]) + (operation.op === 'add' ? 1 : 0);
  if (index < 0) throw rejected();
  return { ...operation, path: `${match[1] ?? ''}/${index}` };
}

function readPointer(document: unknown, pointer: string): unknown {
  let node = document;
  for (const raw of pointer.split('/').slice(1)) {
    const segment = raw.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(node))
      node = /^(?:0|[1-9]\d*)$/.test(segment) ? (node[Number(segment)] as unknown) : undefined;
    else if (isRecord(node)) node = Object.hasOwn(node, segment) ? node[segment] : undefined;
    else return undefined;
  }
  return node;
}

function translate(error: unknown): StatusError {
  return error instanceof Error ? rejected() : badRequest('error decoding patch');
}
