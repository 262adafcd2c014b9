import { pathSegment } from '../validation/names.ts';
import { validateEvent } from '../validation/event.ts';
import { defineKind } from './define-kind.ts';

export const eventKind = defineKind({
  group: '',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  applyOrder: 300,
  nameRule: pathSegment,
  fillDefaults(draft) {
    // These are always written, empty or not.
    for (const text of ['reportingComponent', 'reportingInstance']) draft[text] ??= '';
  },
  validate: (object) => validateEvent(object),
});
