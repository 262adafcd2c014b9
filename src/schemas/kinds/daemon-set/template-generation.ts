/**
 * How often the template of a DaemonSet changed. Kubernetes still counts it, in an annotation that
 * no request can change afterwards, and writes it into a label of the pods.
 */
import { jsonEqual } from '../../../base/json.ts';
import { getPath } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';

export const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';

const MAX_GENERATION = 2n ** 63n - 1n;

/** Undefined for what is no positive int64. */
export function templateGeneration({ metadata }: KubeObject): string | undefined {
  const text = metadata.annotations?.[TEMPLATE_GENERATION];
  if (text === undefined || !/^\+?\d{1,19}$/.test(text)) return undefined;
  const value = BigInt(text.replace('+', ''));
  return value >= 1n && value <= MAX_GENERATION ? String(value) : undefined;
}

export const withFirstGeneration = (object: KubeObject): KubeObject =>
  withGeneration(object, templateGeneration(object) ?? '1');

export function withNextGeneration(next: KubeObject, current: KubeObject): KubeObject {
  const before = templateGeneration(current) ?? '1';
  const isSame = jsonEqual(getPath(next, 'spec', 'template'), getPath(current, 'spec', 'template'));
  return withGeneration(next, isSame ? before : String(BigInt(before) + 1n));
}

function withGeneration(object: KubeObject, generation: string): KubeObject {
  const annotations = { ...object.metadata.annotations, [TEMPLATE_GENERATION]: generation };
  return { ...object, metadata: { ...object.metadata, annotations } };
}
