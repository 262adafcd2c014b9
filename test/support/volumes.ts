/** Provisioned local volumes, as the control plane makes them for node n1. */
import type { PersistentVolume } from '../../src/schemas/types.ts';

export const aLocalVolume = (root: string, name: string, storage = '1Gi'): PersistentVolume => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: {
    name,
    uid: `uid-of-${name}`,
    labels: { 'symphony.dev/node': 'n1' },
    annotations: { 'pv.kubernetes.io/provisioned-by': 'symphony.dev/local' },
    finalizers: ['symphony.dev/volume'],
  },
  spec: { capacity: { storage }, local: { path: `${root}/${name}` } },
});
