/** Objects that nothing acts on. They fail no commit, and a success does not hide them. Pure. */
import { counted, listNames } from '../../base/text.ts';
import type { DesiredObject } from '../../diff/desired-set.ts';
import { keyOf } from '../../schemas/object.ts';

export interface OnlyStored {
  readonly kind: string;
  readonly key: string;
  /** `load balancers get no address yet`. */
  readonly missing: string;
}

const MAX_NAMED = 5;

export function onlyStoredOf({ kind, object }: DesiredObject): OnlyStored | undefined {
  const missing = kind.idle;
  return missing === undefined ? undefined : { kind: kind.kind, key: keyOf(object), missing };
}

/** One message for each missing behaviour: `Service shop/api, shop/web: only stored: traffic …`. */
export function onlyStoredMessages(items: readonly OnlyStored[]): readonly string[] {
  return [...groups(items)].map(([text, keys]) => {
    const [kind = '', missing = ''] = text.split('\n');
    return `${kind} ${listNames([...keys].sort(), MAX_NAMED)}: only stored: ${missing}`;
  });
}

/** For a commit status: `2 Services only stored (load balancers get no address yet)`. */
export function onlyStoredNote(items: readonly OnlyStored[]): string | undefined {
  const notes = [...groups(items)].map(([text, keys]) => {
    const [kind = '', missing = ''] = text.split('\n');
    return `${counted(keys.length, kind)} only stored (${missing})`;
  });
  return notes.length === 0 ? undefined : notes.join(', ');
}

function groups(items: readonly OnlyStored[]): ReadonlyMap<string, readonly string[]> {
  const byText = new Map<string, string[]>();
  for (const { kind, key, missing } of items) {
    const text = `${kind}\n${missing}`;
    byText.set(text, [...(byText.get(text) ?? []), key]);
  }
  return new Map([...byText].sort(([a], [b]) => (a < b ? -1 : 1)));
}
