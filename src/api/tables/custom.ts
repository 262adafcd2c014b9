/**
 * Columns of custom resources as their definition names them, and those of the definitions themselves. Values are shown as upstream
 * shows them: a date as an age, several values or a structure as text, nothing where the path leads nowhere.
 */
import type { PrinterColumn } from '../../schemas/custom/definition.ts';
import { findAll, type JsonPath, parseJsonPath } from '../../schemas/custom/json-path.ts';
import type { CustomResource } from '../../schemas/custom/definition.ts';
import { humanDuration } from './duration.ts';
import { ageColumn, type Cell, column, nameColumn, type TableColumn, type TableFormat } from './types.ts';

export const definitionTable: TableFormat = {
  columns: [nameColumn, column('Created At', { type: 'date', description: ageColumn.description })],
  cells: ({ metadata }) => [metadata.name, metadata.creationTimestamp ?? null],
};

const AGE: PrinterColumn = {
  name: 'Age',
  type: 'date',
  format: '',
  description: ageColumn.description,
  priority: 0,
  jsonPath: '.metadata.creationTimestamp',
};

/** Kept by what the definition made: the paths are parsed once. */
const formats = new WeakMap<CustomResource, TableFormat>();

export function customTable(custom: CustomResource): TableFormat {
  let format = formats.get(custom);
  if (!format) formats.set(custom, (format = tableWith(custom.columns.length > 0 ? custom.columns : [AGE])));
  return format;
}

function tableWith(columns: readonly PrinterColumn[]): TableFormat {
  const paths = columns.map(({ jsonPath }) => parseJsonPath(jsonPath));
  return {
    columns: [nameColumn, ...columns.map(columnOf)],
    cells: (object, nowMs) => [
      object.metadata.name,
      ...columns.map(({ type }, index) => cellOf(type, paths[index], object, nowMs)),
    ],
  };
}

function columnOf({ name, type, format, description, priority, jsonPath }: PrinterColumn): TableColumn {
  return {
    name,
    type: type as TableColumn['type'],
    format,
    description: description || `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    priority,
  };
}

/** A definition may name a path that cannot be read; its column stays empty. */
function cellOf(type: string, path: JsonPath | undefined, object: unknown, nowMs: number): Cell {
  if (!path) return null;
  const found = findAll(path, object);
  const [value] = found;
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'integer':
      return numberOf(value, Math.trunc);
    case 'number':
      return numberOf(value, (number) => number);
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value === 'string' ? ageOf(value, nowMs) : null;
    default:
      return found.map(textOf).join(' ');
  }
}

function numberOf(value: unknown, shape: (number: number) => number): Cell {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? shape(number) : null;
}

function ageOf(value: string, nowMs: number): Cell {
  const at = Date.parse(value);
  return Number.isNaN(at) ? '<invalid>' : humanDuration((nowMs - at) / 1000);
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
