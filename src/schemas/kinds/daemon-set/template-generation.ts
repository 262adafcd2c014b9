/**
 * How often the template of a DaemonSet changed. Kubernetes still counts it, in an annotation that
 * no request can change afterwards, and writes it into a label of the pods.
 */
import { jsonEqual } from '../../../base/json.ts';
import { getPath } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';

export const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';

export const FIRST_GENERATION = '1';
const MAX_GENERATION = 2n ** 63n - 1n;

/** Undefined for what is no positive int64. */
export function generationIn(text: unknown): string | undefined {
  if (typeof text !== 'string' || !/^\+?\d{1,19}$/.test(text)) return undefined;
  const value = BigInt(text.replace('+', ''));
  return value >= 1n && value <= MAX_GENERATION ? String(value) : undefined;
}

export const templateGeneration = ({ metadata }: KubeObject): string =>
  generationIn(metadata.annotations?.[TEMPLATE_GENERATION]) ?? FIRST_GENERATION;

export function withNextGeneration(next: KubeObject, current: KubeObject): KubeObject {
  const before = templateGeneration(current);
  const isSame = jsonEqual(getPath(next, 'spec', 'template'), getPath(current, 'spec', 'template'));
  const generation = isSame ? before : String(BigInt(before) + 1n);
  const annotations = { ...next.metadata.annotations, [TEMPLATE_GENERATION]: generation };
  return { ...next, metadata: { ...next.metadata, annotations } };
}
