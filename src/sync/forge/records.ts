/** The store's records: statuses that were posted, statuses that are due, waits of hosts. */
import { ConflictError } from '../../base/errors.ts';
import { type KubeObject, splitKey } from '../../schemas/object.ts';
import { keepRecord } from '../../store/records.ts';
import type { Store } from '../../store/types.ts';
import { canonicalRepoUrl } from '../git/git-url.ts';
import type { CommitStatus } from '../status/plan-commit-status.ts';
import type { RepositoryStatus, StatusLedger } from '../status/plan-due-statuses.ts';

const RESOURCE = 'commitstatuses.symphony.dev';

/** The ledger of an application, or of a repository's aggregate; or the wait of a host. */
export interface ForgeRecord extends KubeObject {
  /** For statuses that name no repository; earlier versions wrote them. */
  readonly repoURL?: string;
  readonly statuses?: readonly (CommitStatus & { readonly repoURL?: string })[];
  readonly due?: readonly RepositoryStatus[];
  readonly notBeforeMs?: number;
}

export type Records = ReturnType<typeof createRecords>;

export function createRecords(store: Store) {
  return {
    get: (key: string): Promise<ForgeRecord | undefined> => store.get(RESOURCE, key),
    list: async (): Promise<readonly ForgeRecord[]> => (await store.list(RESOURCE)).objects,
    /** Without members the record is deleted. A lost race is a ConflictError. */
    async save(
      key: string,
      before: ForgeRecord | undefined,
      members: Partial<ForgeRecord> | undefined,
    ): Promise<void> {
      const { namespace, name } = splitKey(key);
      const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
      const object = { apiVersion: 'symphony.dev/v1', kind: 'CommitStatus', metadata, ...members };
      const saved = await keepRecord(store, { resource: RESOURCE, key }, before, members && object);
      if (!saved) throw new ConflictError(`Somebody else has written the record ${key}`);
    },
  };
}

export function ledgerOf(record: ForgeRecord | undefined): StatusLedger {
  const fallback = record?.repoURL ?? '';
  return {
    posted: (record?.statuses ?? []).map((status) => ({ ...status, repoURL: status.repoURL ?? fallback })),
    due: record?.due ?? [],
  };
}

export const ledgerMembers = ({ posted, due }: StatusLedger): Partial<ForgeRecord> | undefined =>
  posted.length + due.length === 0 ? undefined : { statuses: posted, ...(due.length === 0 ? {} : { due }) };

/** Whether every status of the record is the operator's. */
export const isOperators = (record: ForgeRecord | undefined): boolean =>
  [...(record?.due ?? []), ...ledgerOf(record).posted].every(({ asOperator }) => asOperator !== false);

/** The repository of an aggregate, in the form that compares. */
export function repositoryOf({ due, repoURL, statuses }: ForgeRecord): string | undefined {
  const known = due?.[0]?.repoURL ?? statuses?.[0]?.repoURL ?? repoURL;
  return known === undefined ? undefined : canonicalRepoUrl(known);
}
