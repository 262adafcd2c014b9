/**
 * Skips the disk for pods whose files are unchanged: a refresh of all pods each minute would read
 * all of their files to find nothing new. Now and then everything is checked nevertheless.
 */
import { createHash, type Hash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import type { VolumePlan } from './plan-volumes.ts';

/** Content that others have changed on the disk is back after this time. */
const CHECK_EVERY_MS = 600_000;

export interface AppliedPlans {
  /** Runs `apply` unless the same plan was applied to the pod lately and its `paths` are there. */
  ensure(
    podUid: string,
    plan: { readonly digest: string; readonly paths: readonly string[] },
    apply: () => Promise<void>,
  ): Promise<void>;
  forget(podUid: string): void;
}

export function createAppliedPlans(clock: Clock): AppliedPlans {
  const applied = new Map<string, { readonly digest: string; readonly atMs: number }>();
  return {
    async ensure(podUid, { digest, paths }, apply) {
      const last = applied.get(podUid);
      const nowMs = clock.now();
      const isRecent = last?.digest === digest && nowMs - last.atMs < CHECK_EVERY_MS;
      if (isRecent && (await areThere(paths))) return;
      applied.delete(podUid);
      await apply();
      applied.set(podUid, { digest, atMs: nowMs });
    },
    forget: (podUid) => void applied.delete(podUid),
  };
}

const areThere = (paths: readonly string[]): Promise<boolean> =>
  Promise.all(paths.map((path) => stat(path))).then(
    () => true,
    () => false,
  );

/** Equal for plans and texts that lead to the same files. */
export function digestOf(volumes: readonly VolumePlan[], texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const volume of volumes) {
    if (volume.kind === 'files') {
      const { files, ...rest } = volume;
      add(hash, JSON.stringify(rest));
      for (const { content, ...file } of files) add(add(hash, JSON.stringify(file)), content);
    } else add(hash, JSON.stringify(volume));
  }
  for (const text of texts) add(hash, text);
  return hash.digest('base64');
}

/** With its length, so that no two sequences of parts are alike. */
function add(hash: Hash, part: string | Uint8Array): Hash {
  return hash.update(`${part.length} `).update(part);
}
