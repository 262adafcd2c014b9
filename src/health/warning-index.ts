/**
 * The newest Warning events by their object, so that an explanation reads a few events and never
 * all of them. It is fed with each change of an event once. Pure data: times come from the events.
 *
 * The key of an object is its namespace and uid: a writer of events in one namespace cannot say
 * anything about objects of another.
 */
import { setRecent } from '../base/bounded-map.ts';
import type { KubeObject } from '../schemas/object.ts';
import { recordAt, textAt, timeAt } from './fields.ts';
import { KILLING, type Warning } from './types.ts';

/** Objects with warnings at a time (some 20 MB). Beyond it, the longest silent are forgotten. */
const MAX_SUBJECTS = 20_000;
/** Different problems of one object: probes and failures of each container. The oldest give way. */
const MAX_WARNINGS = 16;

interface Kept extends Warning {
  /** Name of the event. */
  readonly event: string;
}

export interface WarningIndex {
  /** Notes a change of an event. Answers the event's object if its warnings changed. */
  observe(event: KubeObject, type: 'ADDED' | 'MODIFIED' | 'DELETED'): Record<string, unknown> | undefined;
  about(object: KubeObject): readonly Warning[];
}

export function createWarningIndex(maxSubjects = MAX_SUBJECTS): WarningIndex {
  /** By object, then by kind of problem; the newest last in both. */
  const subjects = new Map<string, Map<string, Kept>>();

  function warn(subject: string, event: KubeObject): void {
    const known = subjects.get(subject) ?? new Map<string, Kept>();
    const kept = warningOf(event);
    const trouble = troubleOf(kept);
    const firstMs = Math.min(known.get(trouble)?.firstMs ?? kept.firstMs, kept.firstMs);
    setRecent(known, trouble, { ...kept, firstMs }, MAX_WARNINGS);
    setRecent(subjects, subject, known, maxSubjects);
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
      // Events about cluster-scoped objects lie in `default`.
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

/** Events of a container: by then the pod's volumes and sandbox are ready. */
const PROGRESS: ReadonlySet<string> = new Set(['Pulling', 'Pulled', 'Created', 'Started']);
const isBeforeContainers = ({ container }: Kept): boolean => container === undefined;

/** A probe or hook had a container killed, which is no Warning. */
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

/** A newer event replaces one of the same reason, container and kind of probe. */
function troubleOf({ reason, container, message }: Kept): string {
  const probe = reason === 'Unhealthy' ? message.slice(0, message.indexOf(' ')) : '';
  return JSON.stringify([reason, container, probe]);
}
