/**
 * Builds and de-duplicates Events as Kubernetes' recorder does, pure. The first occurrence creates
 * an Event, the same one raises its count, and many similar ones are combined.
 */
import { createHash } from 'node:crypto';
import { type BoundedMap, createBoundedMap } from '../base/bounded-map.ts';
import { toRfc3339 } from '../base/clock.ts';
import { printable } from '../base/printable.ts';
import { cutMiddle } from '../base/text.ts';
import type { KubeObject } from '../schemas/object.ts';
import type { Event, ObjectReference } from '../schemas/types.ts';

export type EventType = 'Normal' | 'Warning';

/** A component's statement about an object. */
export interface EventInput {
  readonly about: KubeObject | ObjectReference;
  readonly type: EventType;
  readonly reason: string;
  readonly message: string;
  /** Overrides the recorder's component. */
  readonly component?: string;
  /** Narrows to a part of the object: `spec.containers{web}`. */
  readonly fieldPath?: string;
}

export interface EventSource {
  readonly component: string;
  readonly host?: string;
}

export interface Similar {
  readonly messages: ReadonlySet<string>;
  readonly lastMs: number;
}
/** The recorder's memory: by {@link EventPlan.key} and by {@link EventPlan.similar.group}. */
export interface EventMemory {
  readonly written: BoundedMap<string, Event>;
  readonly similar: BoundedMap<string, Similar>;
}

export interface EventPlan {
  readonly verb: 'create' | 'update';
  readonly event: Event;
  /** Occurrences with this key are one Event. */
  readonly key: string;
  /** The object's recent messages for this reason, with this one. */
  readonly similar: { readonly group: string; readonly messages: ReadonlySet<string> };
}

/**
 * Names of Events: `stable` ones follow from the key alone, so that the next process finds the
 * Event and goes on counting; `unique` ones are for writers that may not read Events. kubectl shows
 * Events of one second by name. So unique names sort by time, and after those of the control plane.
 */
export type EventNaming = 'stable' | 'unique';

/** client-go aggregates from the 10th different message of one reason within 10 minutes. */
const SIMILAR_LIMIT = 10;
const SIMILAR_WINDOW_MS = 600_000;
/** Upstream's limit of `message`. */
const MAX_MESSAGE_LENGTH = 1024;

const SUFFIX_DIGITS = 16;
/** Milliseconds in hexadecimal: until the year 2527, and never with a leading zero. */
const TIME_DIGITS = 11;
const TURN_DIGITS = 2;
export const MAX_TURNS = 16 ** TURN_DIGITS;
const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

/** client-go's figure. Beyond it, the longest unused is forgotten. */
const MEMORY_LIMIT = 4096;

export const createEventMemory = (): EventMemory => ({
  written: createBoundedMap(MEMORY_LIMIT),
  similar: createBoundedMap(MEMORY_LIMIT),
});

/** `times`: occurrences since `firstMs`. `turn`: tells statements of one millisecond apart. */
export function planEvent(
  input: EventInput,
  defaultSource: EventSource,
  memory: EventMemory,
  nowMs: number,
  naming: EventNaming = 'unique',
  { times, firstMs, turn } = { times: 1, firstMs: nowMs, turn: 0 },
): EventPlan {
  const source = input.component ? { ...defaultSource, component: input.component } : defaultSource;
  const involvedObject = referenceTo(input);
  const { kind, namespace, name, uid, apiVersion, fieldPath } = involvedObject;
  const group = JSON.stringify([source, kind, namespace, name, uid, apiVersion, input.type, input.reason]);
  const previous = memory.similar.get(group);
  const fresh = previous !== undefined && nowMs - previous.lastMs <= SIMILAR_WINDOW_MS;
  const messages = new Set(fresh ? previous.messages : []).add(input.message);
  const combined = messages.size >= SIMILAR_LIMIT;
  if (combined) messages.delete(messages.values().next().value ?? '');
  const said = printable(input.message, { newlines: true });
  const text = combined ? `(combined from similar events): ${said}` : said;
  const message = cutMiddle(text, MAX_MESSAGE_LENGTH);
  const key = combined ? group : JSON.stringify([group, fieldPath, message]);
  const prefix = naming === 'stable' ? '0' : hex(nowMs, TIME_DIGITS) + hex(turn, TURN_DIGITS);
  // The same for a retried create: doing it twice is harmless.
  const hash = createHash('sha256').update(`${key} ${prefix}`).digest('hex');
  const suffix = (prefix + hash).slice(0, SUFFIX_DIGITS);
  const known = memory.written.get(key);
  const event: Event = {
    ...(known ?? newEvent(input, source, involvedObject, suffix, firstMs)),
    message,
    count: (known ? (known.count ?? 1) : 0) + times,
    lastTimestamp: toRfc3339(nowMs),
  };
  return { verb: known ? 'update' : 'create', event, key, similar: { group, messages } };
}

function newEvent(
  input: EventInput,
  source: EventSource,
  involvedObject: ObjectReference,
  suffix: string,
  nowMs: number,
): Event {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {
      name: `${involvedObject.name ?? ''}.${suffix}`,
      // Events about cluster-scoped objects live in `default`, as upstream.
      namespace: involvedObject.namespace ?? 'default',
    },
    involvedObject,
    reason: input.reason,
    type: input.type,
    source: { component: source.component, ...(source.host ? { host: source.host } : {}) },
    firstTimestamp: toRfc3339(nowMs),
    eventTime: null,
    reportingComponent: source.component,
    reportingInstance: source.host ?? '',
  };
}

export function referenceTo(input: Pick<EventInput, 'about' | 'fieldPath'>): ObjectReference {
  const { about, fieldPath } = input;
  const path = fieldPath ? { fieldPath } : {};
  if (!('metadata' in about)) return { ...about, ...path };
  const { name, namespace, uid, resourceVersion } = about.metadata;
  return {
    apiVersion: about.apiVersion,
    kind: about.kind,
    name,
    ...(namespace ? { namespace } : {}),
    ...(uid ? { uid } : {}),
    ...(resourceVersion ? { resourceVersion } : {}),
    ...path,
  };
}
