/**
 * The one place where objects become payloads of Redis and back: sealed and versioned.
 *
 * The objects that this process wrote come back to it soon, in answers and in the change log. They
 * are not parsed again: while the text is the one that was written, so is the object. All get the
 * very same object of a version, and objects that share parts go on sharing them.
 */
import { plainJson } from '../../base/plain-json.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import type { StorageFormat } from '../../schemas/strategy/index.ts';
import { checkPayloadSize, jsonOf, objectOf, splitStorageVersion, withStorageVersion } from '../payload.ts';
import type { CreateOp, UpdateOp } from '../types.ts';
import { forgetText, rememberText } from '../written-text.ts';
import type { PayloadCodec } from './payload-codec.ts';

export interface StoredObjects {
  /** Throws CommitRefused when the object is too large. */
  encode(op: CreateOp | UpdateOp, opIndex: number): string;
  /** Throws when the payload is no object of that name. */
  decode(resource: ResourceId, key: string, stored: string, version: string): KubeObject;
  /** The object where this process has written it, and the rules of its kind have checked it. */
  written(resource: ResourceId, key: string, stored: string, version: string): KubeObject | undefined;
  /** The object of an op that was encoded, as it is stored at this version. */
  committed(op: CreateOp | UpdateOp, version: string): KubeObject;
}

/** Objects that are remembered. The largest commits have a thousand. */
const MAX_WRITTEN = 4_096;
/** So many of the oldest go at once: to find the oldest of a map takes time. */
const FORGOTTEN_AT_ONCE = 512;
/** The text of all of them together: this bounds the memory to some tens of megabytes. */
const MAX_WRITTEN_CHARS = 16_777_216;

interface Written {
  readonly stored: string;
  readonly object: KubeObject;
  /** The object of the op. */
  readonly given: KubeObject;
  /** The object with the version that was asked for last. */
  current: KubeObject | undefined;
}

export function createStoredObjects(codec: PayloadCodec, format: StorageFormat): StoredObjects {
  const written = new Map<string, Written>();
  let chars = 0;

  function forget(name: string): void {
    const found = written.get(name);
    if (!found) return;
    if (found.current) forgetText(found.current);
    chars -= found.stored.length;
    written.delete(name);
  }

  function remember(name: string, entry: Written): void {
    forget(name);
    written.set(name, entry);
    chars += entry.stored.length;
    if (written.size <= MAX_WRITTEN && chars <= MAX_WRITTEN_CHARS) return;
    for (const oldest of written.keys()) {
      if (written.size <= MAX_WRITTEN - FORGOTTEN_AT_ONCE && chars <= MAX_WRITTEN_CHARS) return;
      forget(oldest);
    }
  }

  function find(resource: ResourceId, key: string, stored: string, version: string): KubeObject | undefined {
    const found = written.get(`${resource} ${key}`);
    return found?.stored === stored ? atVersion(found, version) : undefined;
  }

  return {
    encode(op, opIndex) {
      const { resource, key, object, isSound } = op;
      const payload = codec.encode(resource, key, jsonOf(op, opIndex));
      const stored = withStorageVersion(format.versionOf(resource), payload);
      if (isSound)
        remember(`${resource} ${key}`, {
          stored,
          object: plainJson(object),
          given: object,
          current: undefined,
        });
      return stored;
    },
    decode(resource, key, stored, version) {
      const own = find(resource, key, stored, version);
      if (own) return own;
      checkPayloadSize(stored);
      const { version: storageVersion, payload } = splitStorageVersion(stored);
      const object = objectOf(key, codec.decode(resource, key, payload), version);
      return format.read(resource, object, storageVersion);
    },
    written: find,
    committed({ resource, key, object }, version) {
      const found = written.get(`${resource} ${key}`);
      return found?.given === object ? atVersion(found, version) : withVersion(object, version);
    },
  };
}

function atVersion(entry: Written, version: string): KubeObject {
  const { current, object, stored } = entry;
  if (current?.metadata.resourceVersion === version) return current;
  if (current) forgetText(current);
  const next = withVersion(object, version);
  rememberText(next, stored);
  entry.current = next;
  return next;
}

const withVersion = (object: KubeObject, version: string): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, resourceVersion: version },
});
