/** Volumes with labels of a zone or region, which only nodes there can reach. */
import { ownMember } from '../../base/json.ts';
import { readVolumes } from '../pod-volumes.ts';
import type { FilterPlugin } from '../types.ts';

const REFUSAL = { reasons: ['node(s) had no available volume zone'], resolvable: false };

/** Each label with the name that it had before. */
const LABELS: Readonly<Record<string, string>> = {
  'topology.kubernetes.io/zone': 'failure-domain.beta.kubernetes.io/zone',
  'topology.kubernetes.io/region': 'failure-domain.beta.kubernetes.io/region',
};
/** A volume in several zones names them in one label. */
const SEPARATOR = '__';

type Labels = Readonly<Record<string, string>>;

const valueOf = (labels: Labels, name: string): string | undefined =>
  ownMember(labels, name) ?? ownMember(labels, LABELS[name] ?? '');

export const volumeZone: FilterPlugin = {
  name: 'VolumeZone',
  prepare: (pod, { storage }) => {
    if (pod.claims.length === 0) return undefined;
    const volumes = readVolumes(pod, storage);
    if ('whole' in volumes) return undefined;
    const places = volumes.bound.flatMap(({ metadata: { labels = {} } }) =>
      Object.keys(LABELS).flatMap((name) => {
        const value = valueOf(labels, name);
        return value === undefined ? [] : [{ name, values: new Set(value.split(SEPARATOR)) }];
      }),
    );
    if (places.length === 0) return undefined;
    return {
      refuse({ labels }) {
        // A node without a label of a zone is in a cluster without zones.
        if (Object.keys(LABELS).every((name) => valueOf(labels, name) === undefined)) return undefined;
        return places.every(({ name, values }) => values.has(valueOf(labels, name) ?? ''))
          ? undefined
          : REFUSAL;
      },
    };
  },
};
