/**
 * The kubeconfig of this machine. Its token is kept with the identity, so that all control planes
 * of a cluster share it. A new one is made where the old one is missing or no longer valid.
 */
import { join } from 'node:path';
import type { TokenTable } from '../../api/authn/token-table.ts';
import { writeKubeconfig } from '../../api/tls/kubeconfig.ts';
import type { ServerTls } from '../../api/tls/server-tls.ts';
import type { Clock } from '../../base/clock.ts';
import { withFileLock } from '../../base/file-lock.ts';
import { readIfThere, writePrivateFile } from '../../base/private-file.ts';
import type { DataDir } from '../start/data-dir.ts';

const ADMIN = { name: 'kubernetes-admin', groups: ['system:masters'] } as const;

export interface AdminKubeconfigOptions {
  readonly dataDir: DataDir;
  readonly tokens: TokenTable;
  readonly tls: ServerTls;
  readonly url: string;
  readonly clock: Clock;
}

export async function giveAdminKubeconfig(options: AdminKubeconfigOptions): Promise<void> {
  const { dataDir, tokens, tls, url, clock } = options;
  const file = join(dataDir.identity, 'admin-token');
  const token = await withFileLock(`${file}.lock`, clock, async () => {
    const kept = (await readIfThere(file))?.trim();
    if (kept !== undefined && tokens.belongsTo(kept, ADMIN.name)) return kept;
    const issued = await tokens.issue(ADMIN.name, ADMIN.groups);
    await writePrivateFile(file, `${issued}\n`);
    return issued;
  });
  await writeKubeconfig(dataDir.kubeconfig, { server: url, caPem: tls.caPem, token });
}
