/** The pod of some containers, as their labels describe it. Pure. */
import { isRecord } from '../../base/json.ts';
import type { Pod } from '../../schemas/types.ts';
import { DEFAULT_GRACE_SECONDS } from '../pod/pod-view.ts';
import { type ContainerRecord, labelKeys } from '../runtime/types.ts';

/** The pod as it was when its first container was made. */
export function manifestOf(records: readonly ContainerRecord[]): Pod | undefined {
  for (const record of records) {
    const text = record.labels[labelKeys.podManifest] ?? '';
    if (text === '') continue;
    try {
      const value = JSON.parse(text) as unknown;
      if (isRecord(value) && isRecord(value['metadata']) && isRecord(value['spec']))
        return value as unknown as Pod;
    } catch {
      // A damaged label is no manifest.
    }
  }
  return undefined;
}

/** The pod as far as its labels describe it: enough to end it. */
export function podOf(uid: string, records: readonly ContainerRecord[]): Pod {
  const manifest = manifestOf(records);
  if (manifest?.metadata.uid === uid) return manifest;
  const labels = records[0]?.labels ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: labels[labelKeys.podName] ?? uid,
      namespace: labels[labelKeys.podNamespace] ?? 'default',
      uid,
    },
    spec: { containers: [], terminationGracePeriodSeconds: DEFAULT_GRACE_SECONDS },
  };
}

export function addressOf(records: readonly ContainerRecord[]): string | undefined {
  return records.find((record) => record.ip !== undefined)?.ip;
}

export const uidOf = (record: ContainerRecord): string => record.labels[labelKeys.podUid] ?? '';
