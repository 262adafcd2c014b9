/**
 * Writes on behalf of the author of an Application: in one namespace only, each with the verb that a request would need,
 * and without handing out rights that the author does not have. Policy for pods and quotas hold as for everybody.
 */
import type { Author } from '../../schemas/applications/application-author.ts';
import { type Registry, type ResourceKind } from '../../schemas/resource-kind.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { DelegatedWrites } from './delegated-writes.ts';
import type { Objects, Write } from './objects.ts';
import { type Authorizer, denialText } from '../authz/types.ts';
import type { Admission } from '../admission/create-admission.ts';
import { forbidden } from '../refusals.ts';

export interface DelegatedWritesOptions {
  readonly objects: Objects;
  readonly registry: Registry;
  readonly authorizer: Pick<Authorizer, 'authorize'>;
  readonly admission: Pick<Admission, 'reviewRights'>;
  readonly author: Author;
  readonly namespace: string;
}

/** An update brings the object to what the author could make of it with either verb. */
const VERBS: Readonly<Record<Write['verb'], readonly string[]>> = {
  create: ['create'],
  update: ['patch', 'update'],
  delete: ['delete'],
};

export function createDelegatedWrites(options: DelegatedWritesOptions): DelegatedWrites {
  const { objects, registry, author, namespace } = options;

  const kindOf = ({ object }: Write): ResourceKind | undefined =>
    registry.byKind(object.apiVersion, object.kind);

  async function unauthorised(write: Write): Promise<string | undefined> {
    const kind = kindOf(write);
    // The definition of the kind is gone: the write itself says so.
    if (!kind) return undefined;
    const { name, namespace: place } = write.object.metadata;
    if (!kind.namespaced || place !== namespace)
      return `an Application in namespace "${namespace}" writes only in that namespace`;
    const subresource = write.verb === 'update' ? write.subresource : undefined;
    let why: string | undefined;
    for (const verb of VERBS[write.verb]) {
      const attributes = {
        verb,
        group: kind.group,
        resource: kind.plural,
        subresource,
        namespace,
        // A request that creates has no name in its path.
        name: verb === 'create' ? undefined : name,
        fieldSelector: undefined,
      };
      const { allowed, reason } = await options.authorizer.authorize(author, attributes);
      if (allowed) return undefined;
      why ??= `${denialText(author, attributes)}${reason === undefined ? '' : `: ${reason}`}`;
    }
    return why;
  }

  async function refusals(writes: readonly Write[]): Promise<readonly (string | undefined)[]> {
    const found = await Promise.all(writes.map(unauthorised));
    const changes = writes.flatMap((write, index) => {
      const kind = kindOf(write);
      if (!kind || write.verb === 'delete' || found[index] !== undefined) return [];
      return [{ index, change: { kind, operation: write.verb, object: write.object } } as const];
    });
    const rights = await options.admission.reviewRights(
      author,
      changes.map(({ change }) => change),
    );
    const refused = new Map(changes.map(({ index }, at) => [index, rights[at]]));
    return found.map((why, index) => why ?? refusalText(refused.get(index)));
  }

  async function check(writes: readonly Write[]): Promise<void> {
    const whys = await refusals(writes);
    for (const [index, write] of writes.entries()) {
      const why = whys[index];
      const kind = kindOf(write);
      if (kind && why !== undefined) throw forbidden(kind, write.object.metadata.name, why);
    }
  }

  return {
    refusals,
    objects: {
      get: (kind, key) => objects.get(kind, key),
      async apply(writes, commitOptions) {
        await check(writes);
        return objects.apply(writes, commitOptions);
      },
      async create(object, commitOptions) {
        await check([{ verb: 'create', object }]);
        return objects.create(object, commitOptions);
      },
      async update(object, updateOptions) {
        const { subresource } = updateOptions ?? {};
        await check([{ verb: 'update', object, ...(subresource ? { subresource } : {}) }]);
        return objects.update(object, updateOptions);
      },
      async delete(kind, key, deleteOptions) {
        const object = await objects.get(kind, key);
        await check([{ verb: 'delete', object }]);
        return objects.delete(kind, key, deleteOptions);
      },
    },
  };
}

function refusalText(error: unknown): string | undefined {
  if (error === undefined || isStatusError(error)) return error?.message;
  throw new Error('Cannot tell whether the author may write this', { cause: error });
}
