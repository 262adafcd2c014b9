/** The one place where objects become payloads of Redis and back: sealed and versioned. */
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import type { StorageFormat } from '../../schemas/strategy/index.ts';
import { checkPayloadSize, jsonOf, objectOf, splitStorageVersion, withStorageVersion } from '../payload.ts';
import type { StoreOp } from '../types.ts';
import type { PayloadCodec } from './payload-codec.ts';

export interface StoredObjects {
  /** Throws CommitRefused when the object is too large. */
  encode(op: StoreOp & { readonly object: KubeObject }, opIndex: number): string;
  /** Throws when the payload is no object of that name. */
  decode(resource: ResourceId, key: string, stored: string, version: string): KubeObject;
}

export function createStoredObjects(codec: PayloadCodec, format: StorageFormat): StoredObjects {
  return {
    encode(op, opIndex) {
      const payload = codec.encode(op.resource, op.key, jsonOf(op, opIndex));
      return withStorageVersion(format.versionOf(op.resource), payload);
    },
    decode(resource, key, stored, version) {
      checkPayloadSize(stored);
      const { version: storageVersion, payload } = splitStorageVersion(stored);
      const object = objectOf(key, codec.decode(resource, key, payload), version);
      return format.read(resource, object, storageVersion);
    },
  };
}
