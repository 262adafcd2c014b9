/**
 * Prefers nodes that have the pod's images, by size. A rare image counts for less, so that one node
 * does not attract all pods.
 */
import { normalisedImage } from '../snapshot.ts';
import { MAX_NODE_SCORE } from '../types.ts';
import { localScorer } from './local-scorer.ts';

const MEBIBYTE = 1024 * 1024;
const MIN_THRESHOLD_BYTES = 23 * MEBIBYTE;
const MAX_CONTAINER_THRESHOLD_BYTES = 1000 * MEBIBYTE;

export const imageLocality = localScorer({
  name: 'ImageLocality',
  weight: 1,
  prepare: ({ spec }, snapshot) => {
    const containers = [...spec.initContainers, ...spec.containers];
    const max = MAX_CONTAINER_THRESHOLD_BYTES * containers.length;
    const images = containers
      .map((container) => normalisedImage(container.image ?? ''))
      .map((name) => ({ name, share: (snapshot.imageSpread.get(name) ?? 0) / snapshot.nodes.length }))
      .filter(({ share }) => share > 0);
    return (node) => {
      let sum = 0;
      for (const { name, share } of images) sum += Math.trunc((node.images.get(name) ?? 0) * share);
      const clamped = Math.min(max, Math.max(MIN_THRESHOLD_BYTES, sum));
      return Math.floor((MAX_NODE_SCORE * (clamped - MIN_THRESHOLD_BYTES)) / (max - MIN_THRESHOLD_BYTES));
    };
  },
});
