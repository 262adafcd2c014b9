/**
 * The `pod-template-hash` of a template, and equality of templates, pure.
 *
 * Deliberate difference: Kubernetes hashes Go's in-memory form, which only Go can produce. Ours is
 * the same FNV-1a over stable JSON, with upstream's alphabet and `collisionCount`. Hashes only have
 * to be equal for equal templates within one cluster.
 */
import { jsonEqual, stableStringify } from '../../base/json.ts';
import { SAFE_ALPHABET } from '../../base/rng.ts';
import { podTemplateKind } from '../../schemas/kinds/pod-template.ts';
import type { PodTemplate } from '../../schemas/types.ts';

export const HASH_LABEL = 'pod-template-hash';

export function templateHash(template: PodTemplate, collisionCount: number | undefined): string {
  const text =
    stableStringify(normalised(template)) +
    (collisionCount === undefined ? '' : `#${String(collisionCount)}`);
  return safeEncode(String(fnv1a(text)));
}

/** Each ASCII character as one of the safe alphabet: upstream's `rand.SafeEncodeString`. */
export const safeEncode = (text: string): string =>
  Array.from(Buffer.from(text, 'ascii'), (digit) => SAFE_ALPHABET[digit % SAFE_ALPHABET.length] ?? '').join(
    '',
  );

/** Equal but for the hash label, and for defaults that an earlier version did not know. */
export function sameTemplate(a: PodTemplate | undefined, b: PodTemplate | undefined): boolean {
  return jsonEqual(normalised(withDefaults(a)), normalised(withDefaults(b)));
}

/** Templates are never changed, and compared at every reconcile. */
const defaulted = new WeakMap<PodTemplate, PodTemplate>();

/** An earlier version may have stored a template without a default that is known now. */
export function withDefaults(template: PodTemplate = {}): PodTemplate {
  let full = defaulted.get(template);
  if (!full) {
    const holder = { apiVersion: 'v1', kind: 'PodTemplate', metadata: { name: 'template' }, template };
    full = podTemplateKind.withDefaults(holder)['template'] ?? {};
    defaulted.set(template, full);
  }
  return full;
}

/** Without the hash label, and with empty maps and null left out. */
function normalised(template: PodTemplate): unknown {
  const { labels, annotations, ...rest } = template.metadata ?? {};
  const ownLabels = { ...labels };
  delete ownLabels[HASH_LABEL];
  const metadata = {
    ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null)),
    ...(Object.keys(ownLabels).length > 0 ? { labels: ownLabels } : {}),
    ...(annotations && Object.keys(annotations).length > 0 ? { annotations } : {}),
  };
  return { metadata, spec: template.spec };
}

/** 32-bit FNV-1a over UTF-8. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, 'utf8')) {
    hash ^= byte;
    hash = Math.imul(hash, 0x01000193) >>> 0;
  }
  return hash;
}
