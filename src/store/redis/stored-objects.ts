/**
 * The one place where objects become payloads of Redis and back: sealed and versioned.
 *
 * The objects that this process wrote come back to it soon, in the change log and in answers. They
 * are not parsed again: while the text is the one that was written, so is the object. Objects that
 * share parts go on sharing them.
 */
import { plainJson } from '../../base/plain-json.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import type { StorageFormat } from '../../schemas/strategy/index.ts';
import { checkPayloadSize, jsonOf, objectOf, splitStorageVersion, withStorageVersion } from '../payload.ts';
import type { CreateOp, UpdateOp } from '../types.ts';
import type { PayloadCodec } from './payload-codec.ts';

export interface StoredObjects {
  /** Throws CommitRefused when the object is too large. */
  encode(op: CreateOp | UpdateOp, opIndex: number): string;
  /** Throws when the payload is no object of that name. */
  decode(resource: ResourceId, key: string, stored: string, version: string): KubeObject;
  /** The object where this process has written it, and the rules of its kind have checked it. */
  written(resource: ResourceId, key: string, stored: string, version: string): KubeObject | undefined;
}

/** Objects that are remembered. The largest commits have a thousand. */
const MAX_WRITTEN = 4_096;
/** The text of all of them together: this bounds the memory to some tens of megabytes. */
const MAX_WRITTEN_CHARS = 16_777_216;

interface Written {
  readonly stored: string;
  readonly object: KubeObject;
}

export function createStoredObjects(codec: PayloadCodec, format: StorageFormat): StoredObjects {
  const written = new Map<string, Written>();
  let chars = 0;

  function forget(name: string): void {
    chars -= written.get(name)?.stored.length ?? 0;
    written.delete(name);
  }

  function remember(name: string, stored: string, object: KubeObject): void {
    forget(name);
    written.set(name, { stored, object: plainJson(object) });
    chars += stored.length;
    for (const oldest of written.keys()) {
      if (written.size <= MAX_WRITTEN && chars <= MAX_WRITTEN_CHARS) return;
      forget(oldest);
    }
  }

  function find(resource: ResourceId, key: string, stored: string, version: string): KubeObject | undefined {
    const found = written.get(`${resource} ${key}`);
    if (found?.stored !== stored) return undefined;
    const { object } = found;
    return { ...object, metadata: { ...object.metadata, resourceVersion: version } };
  }

  return {
    encode(op, opIndex) {
      const payload = codec.encode(op.resource, op.key, jsonOf(op, opIndex));
      const stored = withStorageVersion(format.versionOf(op.resource), payload);
      if (op.isSound) remember(`${op.resource} ${op.key}`, stored, op.object);
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
  };
}
