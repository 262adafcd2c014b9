/**
 * The identity of the data in a store: the fingerprints of the authority and of the encryption key
 * that it was made under, kept in a ConfigMap. A control plane with others would hand out
 * certificates that nobody trusts and read no Secret: it must not start.
 */
import { createHash } from 'node:crypto';
import { UserError } from '../../base/errors.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { ConfigMap } from '../../schemas/types.ts';
import type { BoundWriter } from '../../resources/writing/write-plan.ts';
import type { Store } from '../../store/types.ts';

const NAMESPACE = 'kube-system';
const NAME = 'symphony-identity';
const CONFIG_MAPS = 'configmaps';

export type StoreIdentity = Readonly<Record<'authority' | 'encryptionKey', string>>;

export function storeIdentityOf(caPem: string, encryptionKey: Uint8Array): StoreIdentity {
  const digest = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');
  return { authority: digest(caPem.trim()), encryptionKey: digest(encryptionKey).slice(0, 16) };
}

/** Before anything is written. Throws UserError where the data is of another cluster. */
export async function checkStoreIdentity(store: Store, own: StoreIdentity): Promise<void> {
  if (!(await store.clusterState())) return;
  const found = (await store.get(CONFIG_MAPS, `${NAMESPACE}/${NAME}`)) as ConfigMap | undefined;
  const { authority = own.authority, encryptionKey = own.encryptionKey } = found?.data ?? {};
  const what =
    authority !== own.authority
      ? `certificate authority (sha256 ${authority.slice(0, 12)}…, not ${own.authority.slice(0, 12)}…)`
      : encryptionKey !== own.encryptionKey
        ? 'encryption key'
        : undefined;
  if (what === undefined) return;
  throw new UserError(
    `Cannot use the store: it was made under another ${what}; it belongs to another cluster: name another Redis or database with --redis-url, or start with the --identity-dir (tls/, encryption.key, tokens.json) of the control plane that made it`,
  );
}

/** The first control plane writes it down. Throws UserError where another identity was first. */
export async function rememberStoreIdentity(
  store: Store,
  writer: BoundWriter,
  own: StoreIdentity,
): Promise<void> {
  const metadata = { name: NAME, namespace: NAMESPACE };
  try {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { ...own } };
    await writer.write({ writes: [{ verb: 'create', object }] });
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
    await checkStoreIdentity(store, own);
  }
}
