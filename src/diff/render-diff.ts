/** A change set as text: `+` create, `~` update with fields, `-` delete; Secrets are masked. */
import { append } from '../base/append.ts';
import { type JsonValue, isRecord } from '../base/json.ts';
import { printable } from '../base/printable.ts';
import type { Change, ChangeSet } from './change-set.ts';
import { type FieldChange, fieldChanges } from './field-changes.ts';
import { changedBy } from './tracking.ts';

export interface RenderDiffOptions {
  readonly color: boolean;
}

/** A value longer than this is cut: a diff is for reading. */
const MAX_VALUE_LENGTH = 200;
const MASK = '(sensitive)';

const SIGNS = { create: '+', update: '~', delete: '-', noop: ' ' } as const;
const COLORS = { '+': 32, '~': 33, '-': 31, ' ': 0 } as const;

/** Empty when there is nothing to change and nothing to report. */
export function renderDiff(changeSet: ChangeSet, options: RenderDiffOptions): string {
  const paint = (sign: keyof typeof COLORS, text: string): string =>
    options.color && COLORS[sign] !== 0 ? `\u001b[${COLORS[sign]}m${text}\u001b[0m` : text;
  const lines: string[] = [];
  for (const change of changeSet.changes) {
    if (change.action === 'noop') continue;
    const sign = SIGNS[change.action];
    const origin = change.origin === undefined ? '' : `  (${change.origin})`;
    lines.push(paint(sign, `${sign} ${change.kind.kind} ${printable(change.key)}${printable(origin)}`));
    const who = changedBy(change.live);
    if (who !== undefined) lines.push(`    changed by ${printable(who)}`);
    for (const field of shownFields(change)) append(lines, fieldLines(field, paint));
  }
  for (const { message } of changeSet.problems) lines.push(paint('-', `! ${printable(message)}`));
  for (const { kind, key, reason } of changeSet.held)
    lines.push(`  ${kind.kind} ${printable(key)} is no longer in Git and stays (prune: ${reason})`);
  if (lines.length === 0) return '';
  return `${[...lines, '', summary(changeSet)].join('\n')}\n`;
}

/** The same for programs; values of Secrets are masked here too. */
export function describeChanges({ changes, problems, held }: ChangeSet): JsonValue {
  return {
    changes: changes
      .filter(({ action }) => action !== 'noop')
      .map((change) => ({
        action: change.action,
        apiVersion: change.object.apiVersion,
        kind: change.kind.kind,
        key: change.key,
        wave: change.wave,
        ...(change.origin === undefined ? {} : { origin: change.origin }),
        ...changedByMember(change),
        fields: shownFields(change).map(
          ({ path, before, after }) =>
            ({
              path,
              ...(before === undefined ? {} : { before }),
              ...(after === undefined ? {} : { after }),
            }) as JsonValue,
        ),
      })),
    problems: problems.map(({ code, key, message }) => ({ code, key, message })),
    held: held.map(({ kind, key, reason }) => ({ kind: kind.kind, key, reason })),
  };
}

function changedByMember({ live }: Change): { readonly changedBy?: string } {
  const who = changedBy(live);
  return who === undefined ? {} : { changedBy: who };
}

function summary({ changes }: ChangeSet): string {
  const count = (action: Change['action']): number =>
    changes.filter((change) => change.action === action).length;
  return `${count('create')} to create, ${count('update')} to change, ${count('delete')} to delete, ${count('noop')} unchanged`;
}

function shownFields(change: Change): readonly FieldChange[] {
  if (change.action === 'delete' || !change.live) return [];
  const secret = change.kind.kind === 'Secret' && change.kind.group === '';
  const fields = fieldChanges(change.live, change.object);
  return secret ? fields.map(masked) : fields;
}

/** Shows the names of a Secret's keys, and that a value changed, but no value. */
function masked(field: FieldChange): FieldChange {
  if (!/^(data|stringData)\b/.test(field.path)) return field;
  const mask = (value: unknown): unknown =>
    isRecord(value)
      ? Object.fromEntries(Object.keys(value).map((key) => [key, MASK]))
      : value === undefined
        ? undefined
        : MASK;
  return { path: field.path, before: mask(field.before), after: mask(field.after) };
}

function fieldLines(
  field: FieldChange,
  paint: (sign: '+' | '~' | '-', text: string) => string,
): readonly string[] {
  const path = printable(field.path);
  if (field.before === undefined) return [paint('+', `    + ${path}: ${valueText(field.after)}`)];
  if (field.after === undefined) return [paint('-', `    - ${path}: ${valueText(field.before)}`)];
  return [paint('~', `    ~ ${path}: ${valueText(field.before)} -> ${valueText(field.after)}`)];
}

function valueText(value: unknown): string {
  const text = typeof value === 'string' && /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value);
  const points = Array.from(printable(text));
  return points.length <= MAX_VALUE_LENGTH
    ? points.join('')
    : `${points.slice(0, MAX_VALUE_LENGTH).join('')}…`;
}
