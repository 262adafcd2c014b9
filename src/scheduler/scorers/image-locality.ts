/**
 * Prefers nodes that have the pod's images already, by size; an image that few nodes hold counts for less, so that one
 * node does not attract every pod of an image.
 */
import { normalisedImage } from '../snapshot.ts';
import { MAX_NODE_SCORE, type ScorePlugin } from '../types.ts';

const MEBIBYTE = 1024 * 1024;
const MIN_THRESHOLD_BYTES = 23 * MEBIBYTE;
const MAX_CONTAINER_THRESHOLD_BYTES = 1000 * MEBIBYTE;

export const imageLocality: ScorePlugin = {
  name: 'ImageLocality',
  weight: 1,
  local: true,
  score: (pod, nodes, snapshot) => {
    const containers = [...(pod.pod.spec.initContainers ?? []), ...pod.pod.spec.containers];
    const images = containers.map((container) => normalisedImage(container.image ?? ''));
    const max = MAX_CONTAINER_THRESHOLD_BYTES * containers.length;
    return nodes.map((node) => {
      let sum = 0;
      for (const image of images) {
        const sizeBytes = node.images.get(image);
        if (sizeBytes === undefined) continue;
        sum += Math.trunc(sizeBytes * ((snapshot.imageSpread.get(image) ?? 0) / snapshot.nodes.length));
      }
      const clamped = Math.min(max, Math.max(MIN_THRESHOLD_BYTES, sum));
      return Math.floor((MAX_NODE_SCORE * (clamped - MIN_THRESHOLD_BYTES)) / (max - MIN_THRESHOLD_BYTES));
    });
  },
};
