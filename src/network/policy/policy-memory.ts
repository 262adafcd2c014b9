/**
 * Keeps the sources of this host's policies on disk. An agent that starts without a control plane
 * goes on with them, also after the machine was off. The file also has the pods that no agent has
 * told yet: no policy is taken from a pod while its agent starts.
 */
import { errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { readIfThere, writePrivateFile } from '../../base/private-file.ts';
import { asRecord, asRecords } from '../../schemas/json-access.ts';
import type { AddressGroup } from '../../schemas/address-groups.ts';
import type { NetworkPolicy } from '../../schemas/types.ts';
import type { PolicyPod } from './plan-policies.ts';

export interface KnownPolicies {
  readonly pods: readonly PolicyPod[];
  readonly policies: readonly NetworkPolicy[];
  readonly groups: readonly AddressGroup[];
}

export interface PolicyMemory {
  /** Undefined if there is none that can be read. */
  load(): Promise<KnownPolicies | undefined>;
  /** Never rejects. */
  save(known: KnownPolicies): Promise<void>;
}

/** Another version's file is not read. */
const VERSION = 1;

export function createPolicyMemory(path: string, logger: Logger): PolicyMemory {
  let written: string | undefined;
  return {
    async load() {
      try {
        const found = asRecord(JSON.parse((await readIfThere(path)) ?? '{}'));
        if (found['version'] !== VERSION) return undefined;
        const [pods, policies, groups] = ['pods', 'policies', 'groups'].map((key) => asRecords(found[key]));
        // The file is written below, by nobody else.
        return { pods, policies, groups } as unknown as KnownPolicies;
      } catch (error) {
        logger.warn({ path, error: errorMessage(error) }, 'Cannot read the last known policies');
        return undefined;
      }
    },
    async save(known) {
      const text = JSON.stringify({ version: VERSION, ...known });
      if (text === written) return;
      try {
        await writePrivateFile(path, text);
        written = text;
      } catch (error) {
        logger.warn({ path, error: errorMessage(error) }, 'Cannot write down the policies');
      }
    },
  };
}
