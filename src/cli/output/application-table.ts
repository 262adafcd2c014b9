/** Applications as rows for a terminal. */
import { isRecord } from '../../base/json.ts';
import type { Application } from '../../schemas/types.ts';
import type { Colours } from './colours.ts';
import { printable } from '../../base/printable.ts';

function linesOf(value: unknown, ...path: readonly string[]): readonly string[] {
  let current = value;
  for (const key of path) current = isRecord(current) ? current[key] : undefined;
  return typeof current === 'string' ? current.split('\n').map((line) => printable(line)) : [];
}

const text = (value: unknown, ...path: readonly string[]): string => linesOf(value, ...path).join(' ');

/** Whether the commit is known to be good or bad. */
export function isSettled({ status }: Application): boolean {
  const state = text(status, 'commitStatus', 'state');
  if (state === 'failure' || state === 'error') return true;
  // Objects that are not pruned leave an application OutOfSync for good, though its commit has succeeded.
  return state === 'success' && text(status, 'operationState', 'phase') !== 'Running';
}

export function hasFailed({ status }: Application): boolean {
  const state = text(status, 'commitStatus', 'state');
  const phase = text(status, 'operationState', 'phase');
  return state === 'failure' || state === 'error' || phase === 'Failed' || phase === 'Error';
}

/** Whether the operation with this id is the one that the status speaks of. */
export function hasTaken({ status, operation }: Application, request: string): boolean {
  if (isRecord(operation) || !isRecord(status) || !isRecord(status['operationState'])) return false;
  const taken = status['operationState']['operation'];
  const info = isRecord(taken) && Array.isArray(taken['info']) ? (taken['info'] as unknown[]) : [];
  return info.some((item) => isRecord(item) && item['value'] === request);
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
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const lines = [colours.bold(line(header))];
  rows.forEach((row, index) => {
    const application = applications[index];
    const state = row[4];
    const paint =
      state === 'success'
        ? colours.green
        : state === 'pending' || state === '-'
          ? colours.yellow
          : colours.red;
    lines.push(paint(line(row)));
    if (!application || (state === 'success' && hasEnded(application) && !hasFailed(application))) return;
    for (const message of messagesOf(application)) lines.push(colours.dim(`    ${message}`));
  });
  return `${lines.join('\n')}\n`;
}

const MAX_MESSAGES = 10;

function messagesOf({ status }: Application): readonly string[] {
  const conditions =
    isRecord(status) && Array.isArray(status['conditions']) ? (status['conditions'] as unknown[]) : [];
  const fromConditions = conditions.flatMap((condition) => {
    const type = text(condition, 'type');
    const message =
      isRecord(condition) && typeof condition['message'] === 'string' ? condition['message'] : '';
    return message.split('\n').map((each) => `${type}: ${printable(each)}`);
  });
  const said = text(status, 'commitStatus', 'description');
  const phase = text(status, 'operationState', 'phase');
  const operation = phase === 'Succeeded' ? [] : linesOf(status, 'operationState', 'message');
  const messages = [said, ...operation, ...fromConditions].filter((message) => message !== '');
  // A condition says the same with its type before it.
  const isSaid = (message: string): boolean => fromConditions.some((one) => one.endsWith(`: ${message}`));
  return [...new Set(messages)].filter((message) => !isSaid(message)).slice(0, MAX_MESSAGES);
}
