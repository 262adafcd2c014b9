/**
 * Rolls a workload out when the content of a ConfigMap or Secret changes that its template refers
 * to. Pure. The hashes that the pods have seen are kept on the workload, apart from its template:
 * so the first look changes no template, an undo is not undone, and a restart forgets nothing.
 */
import { createHash, createHmac } from 'node:crypto';
import { isRecord, jsonEqual, stableStringify } from '../../base/json.ts';
import { listNames } from '../../base/text.ts';
import { omit } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { CONFIG_HASH, CONFIG_HASHES, RESTART_ON_CHANGE } from '../../schemas/pods/restart-on-change.ts';
import type { Deployment, PodTemplate } from '../../schemas/types.ts';
import { parseTime } from '../pod-facts.ts';
import type { Plan } from '../controller.ts';
import { isDeleting } from '../ownership.ts';
import { eventsOf, type EventText, normal } from '../planned-event.ts';

/** Deployments, StatefulSets and DaemonSets have their template at the same place. */
export interface Workload extends KubeObject {
  spec: Pick<Deployment['spec'], 'template'>;
}

/** A ConfigMap or Secret that the template refers to. */
export interface Source {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
  /** Pods start without it, too. */
  readonly isOptional: boolean;
  readonly object: KubeObject | undefined;
}

export interface RestartView {
  readonly workload: Workload;
  readonly sources: readonly Source[];
  /** As last seen by this process: `kubectl rollout undo` drops annotations. */
  readonly remembered: Hashes | undefined;
}

export const RESTART_EVENTS = {
  changed: normal('ConfigurationChanged', (names) => `Rolling out because of a change of ${names}`),
} satisfies Record<string, EventText>;
const event = eventsOf<typeof RESTART_EVENTS>();

/** The event names this many of the objects that changed. */
const MAX_NAMED = 5;

export const asksForRestarts = ({ metadata }: KubeObject): boolean =>
  metadata.annotations?.[RESTART_ON_CHANGE] === 'true';

export function planRestart({ workload, sources, remembered }: RestartView): Plan | undefined {
  if (isDeleting(workload)) return undefined;
  const noted = hashesSeen(workload);
  if (!asksForRestarts(workload)) return noted && update(withHashes(workload, undefined), []);
  const { hashes, changed } = compare(workload, sources, noted ?? remembered);
  if (jsonEqual(hashes, noted)) return undefined;
  const next = withHashes(workload, hashes);
  return changed.length === 0 ? update(next, []) : update(withTemplateHash(next, hashes), changed);
}

function update(workload: Workload, changed: readonly string[]): Plan {
  const events = changed.length === 0 ? [] : [event('changed', workload, listNames(changed, MAX_NAMED))];
  return { writes: [{ verb: 'update', object: workload }], events };
}

export type Hashes = Readonly<Record<string, string>>;

/** An optional object that is not there. */
const ABSENT = '';

interface Compared {
  readonly hashes: Hashes;
  readonly changed: readonly string[];
}

/**
 * A reference that the template did not have before comes with a rollout of its own. A deleted
 * object keeps its hash: pods run on with what they have.
 */
function compare(workload: Workload, sources: readonly Source[], before: Hashes | undefined): Compared {
  const hashes: Record<string, string> = {};
  const changed: string[] = [];
  for (const source of [...sources].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))) {
    const key = keyOf(source);
    const seen = before && Object.hasOwn(before, key) ? before[key] : undefined;
    const hash = source.object
      ? contentHash(source.object)
      : (seen ?? (source.isOptional ? ABSENT : undefined));
    if (hash === undefined) continue;
    hashes[key] = hash;
    const isNews =
      before === undefined ? isYounger(source.object, workload) : seen !== undefined && seen !== hash;
    if (isNews) changed.push(`${source.kind} "${source.name}"`);
  }
  return { hashes, changed };
}

const keyOf = ({ kind, name }: Source): string => `${kind}/${name}`;

/**
 * At the first reconcile it is unknown which content the pods have seen. An object that was written
 * after the workload had been made may have changed since its pods started. Versions are
 * microseconds.
 */
function isYounger(object: KubeObject | undefined, { metadata }: Workload): boolean {
  const writtenSeconds = Math.floor(Number(object?.metadata.resourceVersion ?? 0) / 1e6);
  return writtenSeconds * 1000 > (parseTime(metadata.creationTimestamp) ?? Infinity);
}

const HASH_DIGITS = 16;
const shortHash = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, HASH_DIGITS);

/** A Secret's uid, which only its readers know, keeps others from guessing its content. */
function contentHash(object: KubeObject): string {
  const text = stableStringify([object['data'] ?? {}, object['binaryData'] ?? {}]);
  if (object.kind !== 'Secret') return shortHash(text);
  return createHmac('sha256', object.metadata.uid ?? '')
    .update(text)
    .digest('hex')
    .slice(0, HASH_DIGITS);
}

/** Undefined before the first reconcile, or if the annotation was edited. */
export function hashesSeen({ metadata }: Workload): Hashes | undefined {
  const text = metadata.annotations?.[CONFIG_HASHES];
  if (text === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    return isRecord(parsed) ? (parsed as Hashes) : {};
  } catch {
    return {};
  }
}

function withHashes(workload: Workload, hashes: Hashes | undefined): Workload {
  const { metadata } = workload;
  const others = omit(metadata.annotations ?? {}, CONFIG_HASHES);
  const annotations = hashes ? { ...others, [CONFIG_HASHES]: stableStringify(hashes) } : others;
  return { ...workload, metadata: { ...metadata, annotations } };
}

/** Never the hash that is there, which an undo may have brought back. */
function withTemplateHash(workload: Workload, hashes: Hashes): Workload {
  const template: PodTemplate = workload.spec.template;
  const others = template.metadata?.annotations ?? {};
  const hash = shortHash(stableStringify([hashes, others[CONFIG_HASH] ?? '']));
  const annotations = { ...others, [CONFIG_HASH]: hash };
  const changed = { ...template, metadata: { ...template.metadata, annotations } };
  return { ...workload, spec: { ...workload.spec, template: changed } };
}
