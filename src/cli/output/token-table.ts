/** Bootstrap tokens as rows for a terminal. Their secrets are never shown. */
import { printable } from '../../base/printable.ts';
import { alignColumns } from './align-columns.ts';

export interface TokenRow {
  readonly id: string;
  /** Undefined: never. */
  readonly expiresAtMs: number | undefined;
  readonly expires: string | undefined;
  readonly usages: readonly string[];
  readonly description: string;
}

const HEADER = ['ID', 'TTL', 'EXPIRES', 'USAGES', 'DESCRIPTION'];

export function renderTokens(rows: readonly TokenRow[], nowMs: number): string {
  const table = [
    HEADER,
    ...[...rows].sort((a, b) => (a.id < b.id ? -1 : 1)).map((row) => cellsOf(row, nowMs)),
  ];
  return `${alignColumns(table, '   ').join('\n')}\n`;
}

function cellsOf(row: TokenRow, nowMs: number): readonly string[] {
  const { id, expiresAtMs, expires, usages, description } = row;
  return [
    printable(id),
    expiresAtMs === undefined ? '<forever>' : remaining(expiresAtMs - nowMs),
    expires ?? '<never>',
    usages.length === 0 ? '<none>' : usages.join(','),
    description === '' ? '<none>' : printable(description),
  ];
}

function remaining(ms: number): string {
  if (ms <= 0) return '<expired>';
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 72 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}
