/**
 * JSON Patch (RFC 6902). The input is untrusted: its shape and size are checked before it is
 * applied. Members are an object's own, whatever they are called. The document is never mutated.
 */
import { isRecord, jsonClone, jsonEqual, ownMember, setMember } from '../../base/json.ts';
import { badRequest, failure, type StatusError } from '../../schemas/errors/status.ts';

interface Operation {
  readonly op: 'add' | 'remove' | 'replace' | 'test' | 'move' | 'copy';
  readonly path: string;
  readonly from: string;
  readonly value: unknown;
}

/** Upstream's limit: a small patch could otherwise cost much work. */
const MAX_OPERATIONS = 10_000;
/** Upstream's limit on what copies add, in characters of JSON: each may double a document. */
const MAX_COPIED_CHARS = 3_145_728;

const OPERATIONS = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test']);
const rejected = (): StatusError =>
  failure(422, 'Invalid', 'the server rejected our request due to an error in our request', {});

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
    const rest = op === 'move' ? applyOne(result, { ...checked, op: 'remove', path: from }) : result;
    result = applyOne(rest, { ...checked, op: 'add', path, value: op === 'copy' ? jsonClone(value) : value });
  }
  return result;
}

/** Works in place: the document is our own copy, and one for each operation would cost too much. */
function applyOne(document: unknown, operation: Operation): unknown {
  const { op, path, value } = negativeIndex(document, operation);
  if (!/^(?:\/|$)/.test(path)) throw rejected();
  if (op === 'test') {
    if (!jsonEqual(readPointer(document, path), value)) throw rejected();
    return document;
  }
  if (path === '') return op === 'remove' ? null : value;
  const cut = path.lastIndexOf('/');
  const parent = readPointer(document, path.slice(0, cut));
  const name = unescape(path.slice(cut + 1));
  if (Array.isArray(parent)) changeList(parent, op, name, value);
  else if (isRecord(parent)) changeMember(parent, op, name, value);
  else throw rejected();
  return document;
}

function changeMember(
  parent: Record<string, unknown>,
  op: Operation['op'],
  name: string,
  value: unknown,
): void {
  if (op !== 'add' && !Object.hasOwn(parent, name)) throw rejected();
  if (op === 'remove') Reflect.deleteProperty(parent, name);
  else setMember(parent, name, value);
}

const INDEX = /^(?:0|[1-9]\d*)$/;

function changeList(parent: unknown[], op: Operation['op'], name: string, value: unknown): void {
  const index = op === 'add' && name === '-' ? parent.length : INDEX.test(name) ? Number(name) : Infinity;
  if (index > parent.length || (op !== 'add' && index === parent.length)) throw rejected();
  if (op === 'add') parent.splice(index, 0, value);
  else if (op === 'remove') parent.splice(index, 1);
  else parent[index] = value;
}

function checkOperation(operation: unknown): Operation {
  if (!isRecord(operation)) throw rejected();
  const { op, path, from } = operation;
  if (typeof op !== 'string' || !OPERATIONS.has(op) || typeof path !== 'string') throw rejected();
  if ((op === 'move' || op === 'copy') && typeof from !== 'string') throw rejected();
  // RFC 6902, 4.4: nothing can be moved into itself.
  if (op === 'move' && path.startsWith(`${String(from)}/`)) throw rejected();
  const value = operation['value'] === undefined ? null : jsonClone(operation['value']);
  return { op: op as Operation['op'], path, from: typeof from === 'string' ? from : '', value };
}

/** Go's library counts `-1` from the end of the existing elements, and clients use it. */
function negativeIndex(document: unknown, operation: Operation): Operation {
  const match = /^(.*)\/-(\d+)$/.exec(operation.path);
  if (!match) return operation;
  const parent: unknown = readPointer(document, match[1] ?? '');
  if (!Array.isArray(parent)) return operation;
  const index = parent.length - Number(match[2]) + (operation.op === 'add' ? 1 : 0);
  if (index < 0) throw rejected();
  return { ...operation, path: `${match[1] ?? ''}/${index}` };
}

const unescape = (segment: string): string => segment.replaceAll('~1', '/').replaceAll('~0', '~');

function readPointer(document: unknown, pointer: string): unknown {
  let node = document;
  for (const segment of pointer.split('/').slice(1).map(unescape)) {
    if (Array.isArray(node)) node = INDEX.test(segment) ? (node[Number(segment)] as unknown) : undefined;
    else if (isRecord(node)) node = ownMember(node, segment);
    else return undefined;
  }
  return node;
}
