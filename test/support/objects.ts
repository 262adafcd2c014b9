/** A writer with one method a verb, for tests that set a scene. */
import type { KubeObject } from '../../src/schemas/object.ts';
import { formatApiVersion, splitKey } from '../../src/schemas/object.ts';
import type { ResourceKind, Subresource } from '../../src/schemas/resource-kind.ts';
import type { DeleteOptions } from '../../src/schemas/strategy/index.ts';
import type { BoundWriter, Check, Write, WriteResults } from '../../src/resources/writing/write-plan.ts';
import { createWriter, type WriterOptions } from '../../src/resources/writing/writer.ts';

type Options = NonNullable<Parameters<BoundWriter['write']>[1]>;

export interface Objects extends BoundWriter {
  create(object: KubeObject, options?: Options): Promise<KubeObject>;
  update(object: KubeObject, options?: Options & { readonly subresource?: Subresource }): Promise<KubeObject>;
  delete(kind: ResourceKind, key: string, options?: DeleteOptions & Options): Promise<KubeObject>;
  apply(
    writes: readonly Write[],
    options?: Options & { readonly checks?: readonly Check[] },
  ): Promise<WriteResults>;
}

export function withVerbs(writer: BoundWriter): Objects {
  const one = async (write: Write, options?: Options): Promise<KubeObject> =>
    (await writer.write({ writes: [write] }, options))[0] as KubeObject;
  return {
    ...writer,
    create: (object, options) => one({ verb: 'create', object }, options),
    update: (object, { subresource, ...options } = {}) =>
      one({ verb: 'update', object, subresource }, options),
    delete(kind, key, options = {}) {
      const { namespace, name } = splitKey(key);
      const metadata = { name, ...(namespace ? { namespace } : {}) };
      const apiVersion = formatApiVersion(kind.group, kind.version);
      return one({ verb: 'delete', object: { apiVersion, kind: kind.kind, metadata }, options }, options);
    },
    apply: (writes, { checks = [], ...options } = {}) => writer.write({ writes, checks }, options),
  };
}

/** Only the rules of the kinds hold for these: no admission, no quotas, no addresses. */
export const createObjects = (options: WriterOptions): Objects =>
  withVerbs(createWriter(options).as({ user: { name: 'test', groups: [] } }));
