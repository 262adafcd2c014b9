/** Events as plans hold them: a name, an object, arguments. Their English is made here only. */
import type { EventInput, EventType } from '../client/plan-event.ts';
import type { Write } from '../resources/writing/write-plan.ts';

export interface PlannedEvent {
  readonly about: EventInput['about'];
  /** A name in the controller's table. */
  readonly event: string;
  readonly args: readonly string[];
  /** The event happened only if this write of the plan did. */
  readonly write?: Write;
}

export interface EventText {
  readonly type: EventType;
  readonly reason: string;
  message(...args: readonly string[]): string;
}

type Message = EventText['message'];
/** The one argument of an event whose text the plan makes. */
const asGiven: Message = (text = '') => text;

export const normal = (reason: string, message: Message = asGiven): EventText => ({
  type: 'Normal',
  reason,
  message,
});

export const warning = (reason: string, message: Message = asGiven): EventText => ({
  type: 'Warning',
  reason,
  message,
});

/** All events of a controller. */
export interface EventTexts {
  readonly component: string;
  readonly texts: Readonly<Record<string, EventText>>;
}

/** The constructor of a controller's events: a name that its table lacks does not compile. */
export function eventsOf<Texts extends EventTexts['texts']>(): (
  event: keyof Texts & string,
  about: EventInput['about'],
  ...args: readonly string[]
) => PlannedEvent {
  return (event, about, ...args) => ({ event, about, args });
}

export function eventInput(
  { component, texts }: EventTexts,
  { event, about, args }: PlannedEvent,
): EventInput {
  const text = texts[event];
  if (!text) throw new Error(`The controller has no event "${event}"`);
  return { about, type: text.type, reason: text.reason, message: text.message(...args), component };
}
