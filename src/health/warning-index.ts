/**
 * The newest Warning events by the object that they are about, so that an explanation looks at a few and never at all
 * events. It is fed with each change of an event once. Pure data: times come out of the events.
 *
 * An object is known by namespace and uid: who may write events in one namespace cannot speak of the objects of another.
 */
import type { KubeObject } from '../schemas/object.ts';
import { recordAt, textAt, timeAt } from './fields.ts';
import { KILLING, type Warning } from './types.ts';

/** Objects in trouble at a time; of more, those that were heard of longest ago are forgotten (some 20 MB). */
const MAX_SUBJECTS = 20_000;
/** Different troubles of one object: probes and failures of each container. The oldest give way. */
const MAX_WARNINGS = 16;

interface Kept extends Warning {
  /** Name of the event. */
  readonly event: string;
}

export interface WarningIndex {
  /** Takes an event in. Gives the object that it is about if what is known of that changed. */
  observe(event: KubeObject, type: 'ADDED' | 'MODIFIED' | 'DELETED'): Record<string, unknown> | undefined;
  about(object: KubeObject): readonly Warning[];
}

export function createWarningIndex(maxSubjects = MAX_SUBJECTS): WarningIndex {
  /** By object, then by kind of trouble; both with the newest last. */
  const subjects = new Map<string, Map<string, Kept>>();

  function warn(subject: string, event: KubeObject): void {
    const known = subjects.get(subject) ?? new Map<string, Kept>();
    const kept = warningOf(event);
    const trouble = troubleOf(kept);
    const before = known.get(trouble);
    known.delete(trouble);
    known.set(trouble, before ? { ...kept, firstMs: Math.min(before.firstMs, kept.firstMs) } : kept);
    dropOldest(known, MAX_WARNINGS);
    subjects.delete(subject);
    subjects.set(subject, known);
    dropOldest(subjects, maxSubjects);
  }

  function remove(subject: string, isOver: (warning: Kept) => boolean): boolean {
    const known = subjects.get(subject);
    if (!known) return false;
    const before = known.size;
    for (const [trouble, kept] of known) if (isOver(kept)) known.delete(trouble);
    if (known.size === 0) subjects.delete(subject);
    return known.size !== before;
  }

  return {
    observe(event, type) {
      const involved = recordAt(event, 'involvedObject');
      const subject = keyOf(textAt(involved, 'namespace'), textAt(involved, 'uid'));
      if (!involved || subject === undefined) return undefined;
      const { namespace, name } = event.metadata;
      // Events about what has no namespace lie in `default`.
      if ((textAt(involved, 'namespace') || 'default') !== namespace) return undefined;
      if (type === 'DELETED') return remove(subject, (kept) => kept.event === name) ? involved : undefined;
      if (textAt(event, 'type') === 'Warning' || isKill(event)) {
        warn(subject, event);
        return involved;
      }
      const isProgress = PROGRESS.has(textAt(event, 'reason'));
      return isProgress && remove(subject, isBeforeContainers) ? involved : undefined;
    },
    about({ metadata }) {
      const subject = keyOf(metadata.namespace ?? '', metadata.uid ?? '');
      const known = subject === undefined ? undefined : subjects.get(subject);
      return known ? [...known.values()].reverse() : [];
    },
  };
}

const keyOf = (namespace: string, uid: string): string | undefined =>
  uid === '' ? undefined : `${namespace}/${uid}`;

/** Events of a container: by then the pod's volumes are mounted and its sandbox is there. */
const PROGRESS: ReadonlySet<string> = new Set(['Pulling', 'Pulled', 'Created', 'Started']);
const isBeforeContainers = ({ container }: Kept): boolean => container === undefined;

/** That a probe or hook had a container killed, which no Warning says. */
const isKill = (event: KubeObject): boolean =>
  textAt(event, 'reason') === KILLING &&
  /failed (?:liveness|startup) probe|^FailedPostStartHook/.test(textAt(event, 'message'));

const COMBINED = '(combined from similar events): ';

function warningOf(event: KubeObject): Kept {
  const involved = recordAt(event, 'involvedObject');
  const message = textAt(event, 'message');
  const times = ['lastTimestamp', 'eventTime', 'firstTimestamp'].map((key) => timeAt(event, key));
  const seriesMs = timeAt(recordAt(event, 'series'), 'lastObservedTime');
  const lastMs = seriesMs || times.find((time) => time > 0) || timeAt(event.metadata, 'creationTimestamp');
  return {
    event: event.metadata.name,
    reason: textAt(event, 'reason'),
    message: message.startsWith(COMBINED) ? message.slice(COMBINED.length) : message,
    container: /^spec\.(?:initC|c|ephemeralC)ontainers\{(.*)\}$/.exec(textAt(involved, 'fieldPath'))?.[1],
    firstMs: timeAt(event, 'firstTimestamp') || timeAt(event, 'eventTime') || lastMs,
    lastMs,
  };
}

/** A newer event replaces the one of the same reason at the same container, and for a probe of the same sort. */
function troubleOf({ reason, container, message }: Kept): string {
  const probe = reason === 'Unhealthy' ? message.slice(0, message.indexOf(' ')) : '';
  return JSON.stringify([reason, container, probe]);
}

function dropOldest(map: Map<string, unknown>, limit: number): void {
  while (map.size > limit) map.delete(map.keys().next().value ?? '');
}
