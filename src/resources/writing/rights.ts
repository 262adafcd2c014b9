/**
 * Authorises writes beyond the check of the request. A request that creates instead of updating
 * needs the right to create. A sync confined to a namespace needs, for each write, the right that
 * its author would need for a request, and hands out no rights that the author lacks.
 */
import { isStatusError } from '../../schemas/errors/status.ts';
import type { Subresource } from '../../schemas/resource-kind.ts';
import type { Admission } from '../admission/create-admission.ts';
import { authorize } from '../authz/authorize.ts';
import { type Authorizer, denialText, type ResourceAttributes } from '../authz/types.ts';
import { forbidden } from '../refusals.ts';
import type { UserInfo } from '../types.ts';
import { changeOf, type Draft } from './plan-write.ts';
import { type Actor, subresourceOf } from './write-plan.ts';

export interface Rights {
  /** Throws 403 where the actor may not do one of these. */
  check(drafts: readonly Draft[], actor: Actor): Promise<void>;
  /** Why the actor may not do each of these; undefined where it may. */
  refusals(drafts: readonly Draft[], actor: Actor): Promise<readonly (string | undefined)[]>;
}

export interface RightsOptions {
  readonly authorizer: Pick<Authorizer, 'authorize'>;
  readonly admission: Pick<Admission, 'reviewRights'>;
}

export function createRights({ authorizer, admission }: RightsOptions): Rights {
  /** An author may write with any one of the verbs that come to the same. */
  async function denied(author: UserInfo, asked: readonly ResourceAttributes[]): Promise<string | undefined> {
    let why: string | undefined;
    for (const attributes of asked) {
      const { allowed, reason } = await authorizer.authorize(author, attributes);
      if (allowed) return undefined;
      why ??= `${denialText(author, attributes)}${reason === undefined ? '' : `: ${reason}`}`;
    }
    return why;
  }

  async function refusals(
    drafts: readonly Draft[],
    { author, confinedTo }: Actor,
  ): Promise<readonly (string | undefined)[]> {
    if (confinedTo === undefined) return drafts.map(() => undefined);
    if (!author) throw new Error(`Cannot write in namespace "${confinedTo}": the sync has no author`);
    const whys = await Promise.all(
      drafts.map(async (draft) => {
        const { namespace } = draft.write.object.metadata;
        if (!draft.kind.namespaced || namespace !== confinedTo)
          return `an Application in namespace "${confinedTo}" writes only in that namespace`;
        return denied(author, attributesOf(draft));
      }),
    );
    const changes = drafts.flatMap((draft, index) => {
      const change = whys[index] === undefined ? changeOf(draft) : undefined;
      return change ? [{ index, change }] : [];
    });
    const answers = await admission.reviewRights(
      author,
      changes.map(({ change }) => change),
    );
    const refused = new Map(changes.map(({ index }, at) => [index, refusalText(answers[at])]));
    return whys.map((why, index) => why ?? refused.get(index));
  }

  return {
    refusals,
    async check(drafts, actor) {
      for (const draft of drafts)
        if (actor.request && draft.write.verb === 'update' && draft.write.create && !draft.current)
          await authorize(authorizer, actor.user, attributesFor(draft, 'create'));
      const whys = await refusals(drafts, actor);
      for (const [index, { kind, write }] of drafts.entries()) {
        const why = whys[index];
        if (why !== undefined) throw forbidden(kind, write.object.metadata.name, why);
      }
    },
  };
}

function attributesFor({ kind, write }: Draft, verb: string): ResourceAttributes {
  const { name, namespace } = write.object.metadata;
  return {
    verb,
    group: kind.group,
    resource: kind.plural,
    subresource: subresourceOf(write),
    namespace,
    name,
    fieldSelector: undefined,
  };
}

/** Subresources that are acted on by a POST. */
const POSTED: ReadonlySet<Subresource> = new Set(['binding', 'eviction']);

/** The requests that would come to this write. The actor needs the right to one of them. */
function attributesOf(draft: Draft): readonly ResourceAttributes[] {
  const subresource = subresourceOf(draft.write);
  if (subresource !== undefined && POSTED.has(subresource)) return [attributesFor(draft, 'create')];
  switch (draft.write.verb) {
    case 'restore':
    case 'create':
      // A request that creates has no name in its path.
      return [{ ...attributesFor(draft, 'create'), name: undefined }];
    case 'update':
      if (draft.write.create && !draft.current) return [attributesFor(draft, 'create')];
      return [attributesFor(draft, 'patch'), attributesFor(draft, 'update')];
    case 'delete':
      return [attributesFor(draft, 'delete')];
  }
}

function refusalText(error: unknown): string | undefined {
  if (error === undefined || isStatusError(error)) return error?.message;
  throw new Error('Cannot tell whether the author may write this', { cause: error });
}
