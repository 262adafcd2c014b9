/** Applications as rows for a terminal. */
import { isRecord, ownMember } from '../../base/json.ts';
import { printable } from '../../base/printable.ts';
import { listTexts } from '../../base/text.ts';
import { asRecords, getPath } from '../../schemas/json-access.ts';
import type { Application } from '../../schemas/types.ts';
import { alignColumns } from './align-columns.ts';
import type { Colours } from './colours.ts';

function linesOf(value: unknown, ...path: readonly string[]): readonly string[] {
  const found = getPath(value, ...path);
  return typeof found === 'string' ? found.split('\n').map((line) => printable(line)) : [];
}

const text = (value: unknown, ...path: readonly string[]): string => linesOf(value, ...path).join(' ');

/** Whether the commit is known to be good or bad. */
export function isSettled({ status }: Application): boolean {
  const state = text(status, 'commitStatus', 'state');
  if (state === 'failure' || state === 'error') return true;
  // Unpruned objects leave an application OutOfSync for good, though its commit has succeeded.
  return state === 'success' && text(status, 'operationState', 'phase') !== 'Running';
}

export function hasFailed({ status }: Application): boolean {
  const state = text(status, 'commitStatus', 'state');
  const phase = text(status, 'operationState', 'phase');
  return state === 'failure' || state === 'error' || phase === 'Failed' || phase === 'Error';
}

/** Whether the operation with this id is the one that the status speaks of. */
export function hasTaken({ status, operation }: Application, request: string): boolean {
  if (isRecord(operation)) return false;
  const info = asRecords(getPath(status, 'operationState', 'operation', 'info'));
  return info.some((item) => item['value'] === request);
}

export function hasEnded({ status }: Application): boolean {
  return text(status, 'operationState', 'phase') !== 'Running';
}

/** `NAME SYNC HEALTH REVISION COMMIT`, and below an application what is wrong with it. */
export function renderApplications(applications: readonly Application[], colours: Colours): string {
  if (applications.length === 0) return 'No applications.\n';
  const header = ['NAME', 'SYNC', 'HEALTH', 'REVISION', 'COMMIT STATUS'];
  const rows = applications.map(({ metadata, status }) => [
    printable(`${metadata.namespace ?? ''}/${metadata.name}`),
    text(status, 'sync', 'status') || 'Unknown',
    text(status, 'health', 'status') || 'Unknown',
    text(status, 'sync', 'revision').slice(0, 12) || '-',
    text(status, 'commitStatus', 'state') || '-',
  ]);
  const [head = '', ...lines] = alignColumns([header, ...rows], '  ');
  const shown = applications.flatMap((application, index) => {
    const state = rows[index]?.[4] ?? '-';
    const paint = colours[ownMember(STATE_COLOURS, state) ?? 'red'];
    const messages = listTexts(messagesOf(application), { texts: MAX_MESSAGES, length: MAX_LENGTH });
    return [paint(lines[index] ?? ''), ...messages.map((message) => colours.dim(`    ${message}`))];
  });
  return `${[colours.bold(head), ...shown].join('\n')}\n`;
}

const STATE_COLOURS: Readonly<Record<string, keyof Colours>> = {
  success: 'green',
  pending: 'yellow',
  '-': 'yellow',
};

/** Below one application; `kubectl describe app` shows all. */
const MAX_MESSAGES = 20;
const MAX_LENGTH = 8_000;

/** Where a description ends that says less than the whole text, or something older. */
const LEFT_OUT = / \u2026 |, restarted \d+ times?| \(and \d+ more\)$/;

/** Errors first, then causes, in full; the longer one of two that say the same. */
function messagesOf(application: Application): readonly string[] {
  const { status } = application;
  const fromConditions = conditionLines(application);
  const health = text(status, 'health', 'status');
  // Where nothing is known, the conditions say why.
  const hasCauses = !['Healthy', 'Suspended', ...(fromConditions.length > 0 ? ['Unknown'] : [])].includes(
    health,
  );
  const causes = hasCauses ? linesOf(status, 'health', 'message') : [];
  const phase = text(status, 'operationState', 'phase');
  const operation = phase === 'Succeeded' ? [] : linesOf(status, 'operationState', 'message');
  const isError = (line: string): boolean => /^\w+Error: /.test(line);
  const [errors, others] = [fromConditions.filter(isError), fromConditions.filter((line) => !isError(line))];
  // Most causes are there because nothing of a commit with errors is applied.
  const full = [...operation, ...errors, ...causes, ...others].filter((message) => message !== '');
  // A condition says the same with its type before it.
  const unsaid = full.filter((message) => !fromConditions.some((one) => one.endsWith(`: ${message}`)));
  const description = text(status, 'commitStatus', 'description');
  const [said = ''] = description.split(LEFT_OUT);
  const isSaid =
    said === '' ||
    text(status, 'commitStatus', 'state') === 'success' ||
    full.some((message) => message.includes(said));
  return [...new Set([...(isSaid ? [] : [description]), ...unsaid])];
}

function conditionLines({ status }: Application): readonly string[] {
  return asRecords(getPath(status, 'conditions')).flatMap((condition) =>
    linesOf(condition, 'message').map((each) => `${text(condition, 'type')}: ${each}`),
  );
}
