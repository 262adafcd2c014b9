/**
 * Names as the recorded stories write them: `web-<hash1>-<p2>`, `<ns>`; and "the record is
 * contained in what we have".
 */
import { targetNode } from '../../../src/controllers/daemon-set/daemon-pods.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';

const HASH_LABEL = 'pod-template-hash';
/** Kinds with generated names, and the letter that stands for the suffix. */
const LETTERS: Readonly<Record<string, string>> = { Pod: 'p', EndpointSlice: 's' };

/** StatefulSets and DaemonSets label their revisions differently. */
const revisionHash = (labels: Readonly<Record<string, string>> = {}): string | undefined =>
  labels['controller.kubernetes.io/hash'] ?? labels['controller-revision-hash'];

/** The node of a DaemonSet's pod: its name in the record says it. */
function daemonNode(object: KubeObject): string | undefined {
  if (object.kind !== 'Pod' || !object.metadata.labels?.['pod-template-generation']) return undefined;
  return targetNode(object as Pod);
}

/** Numbers hashes and pod suffixes in the order of first appearance. */
export class Names {
  private readonly replacements = new Map<string, string>();
  private readonly counters = new Map<string, number>();
  private readonly namespace: string;

  constructor(namespace: string) {
    this.namespace = namespace;
  }

  see(object: KubeObject): void {
    const { name, generateName, labels } = object.metadata;
    const hash = object.kind === 'ReplicaSet' ? labels?.[HASH_LABEL] : undefined;
    if (hash && !this.replacements.has(hash))
      this.replacements.set(hash, `<hash${String(this.count('hash'))}>`);
    // A CronJob names its Jobs after minutes.
    const minute = object.kind === 'Job' ? /-(\d{8})$/.exec(name)?.[1] : undefined;
    if (minute !== undefined && !this.replacements.has(minute))
      this.replacements.set(minute, `<minute${String(this.count('minute'))}>`);
    const revision = object.kind === 'ControllerRevision' ? revisionHash(labels) : undefined;
    if (revision && !this.replacements.has(revision))
      this.replacements.set(revision, `<rev${String(this.count('rev'))}>`);
    const isStable = labels?.['statefulset.kubernetes.io/pod-name'] !== undefined;
    const node = daemonNode(object);
    if (generateName && node !== undefined && !this.replacements.has(name)) {
      const suffix = `<${node}#${String(this.count(`${generateName} on ${node}`))}>`;
      this.replacements.set(name, `${generateName}${this.text(suffix)}`);
    }
    const letter = isStable ? undefined : LETTERS[object.kind];
    if (letter && generateName && !this.replacements.has(name)) {
      const suffix = `<${letter}${String(this.count(`${letter} ${generateName}`))}>`;
      this.replacements.set(name, `${this.text(generateName)}${suffix}`);
    }
  }

  private count(what: string): number {
    const next = (this.counters.get(what) ?? 0) + 1;
    this.counters.set(what, next);
    return next;
  }

  text(text: string): string {
    let result = text;
    const longestFirst = [...this.replacements].sort(([a], [b]) => b.length - a.length);
    for (const [from, to] of longestFirst) result = result.replaceAll(from, to);
    return result.replaceAll(this.namespace, '<ns>');
  }

  /** The real name of a normalised one. */
  real(text: string): string {
    let result = text;
    // The name of a DaemonSet's pod holds the name of a node, which holds the namespace.
    for (const [from, to] of [...this.replacements].sort(([, a], [, b]) => b.length - a.length)) {
      result = result.replaceAll(to, from);
    }
    return result.replaceAll('${NS}', this.namespace).replaceAll('<ns>', this.namespace);
  }

  deepReal(value: unknown): unknown {
    if (typeof value === 'string') return this.real(value);
    if (Array.isArray(value)) return value.map((item: unknown) => this.deepReal(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.deepReal(item)]));
  }

  deep<T>(value: T): T {
    if (typeof value === 'string') return this.text(value) as T;
    if (Array.isArray(value)) return value.map((item: unknown) => this.deep(item)) as T;
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, this.deep(item as unknown)]),
    ) as T;
  }
}

/** Paths at which `actual` does not say what `recorded` says. Placeholders match anything. */
export function differences(recorded: unknown, actual: unknown, path = ''): string[] {
  if (typeof recorded === 'string' && /^<(time|varies|uid |ip |clusterIP)/.test(recorded)) return [];
  if (Array.isArray(recorded)) {
    if (!Array.isArray(actual)) return [`${path}: expected a list, got ${JSON.stringify(actual)}`];
    // Their order is the order of patches, which says nothing.
    if (/\.(conditions|taints|subsets|addresses|notReadyAddresses|endpoints)$/.test(path)) {
      const sorted = (list: readonly unknown[]): unknown[] =>
        [...list].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
      return differences(sorted(recorded), sorted(actual), `${path} `);
    }
    if (recorded.length !== actual.length) {
      return [`${path}: expected ${JSON.stringify(recorded)}, got ${JSON.stringify(actual)}`];
    }
    return recorded.flatMap((item, index) => differences(item, actual[index], `${path}[${String(index)}]`));
  }
  if (typeof recorded === 'object' && recorded !== null) {
    if (typeof actual !== 'object' || actual === null)
      return [`${path}: missing ${JSON.stringify(recorded)}`];
    return Object.entries(recorded).flatMap(([key, item]) =>
      differences(item, (actual as Record<string, unknown>)[key], `${path}.${key}`),
    );
  }
  return recorded === actual
    ? []
    : [`${path}: expected ${JSON.stringify(recorded)}, got ${JSON.stringify(actual)}`];
}

function keyOf(item: unknown): string {
  const { type, key, effect, targetRef, ports } = item as {
    readonly [field in 'type' | 'key' | 'effect']?: string;
  } & { readonly targetRef?: { readonly name?: string }; readonly ports?: unknown };
  return JSON.stringify([type, key, effect, targetRef?.name, ports]);
}
