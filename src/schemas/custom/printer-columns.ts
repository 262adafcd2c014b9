/**
 * The columns that a CustomResourceDefinition names. Values are shown as upstream shows them: a
 * date as an age, several values or a structure as text, nothing where the path leads nowhere.
 */
import { AGE, type Cell, NAME, type TableColumn, type TableFormat } from '../tables/columns.ts';
import { humanDuration } from '../tables/duration.ts';
import type { PrinterColumn } from './definition.ts';
import { findAll, type JsonPath, parseJsonPath } from './json-path.ts';

const DEFAULT_COLUMNS: readonly PrinterColumn[] = [
  {
    name: 'Age',
    type: 'date',
    format: '',
    description: AGE.head.description,
    priority: 0,
    jsonPath: '.metadata.creationTimestamp',
  },
];

/** The paths are parsed at the first row: most processes print none. */
export function customTable(named: readonly PrinterColumn[]): TableFormat {
  const columns = named.length > 0 ? named : DEFAULT_COLUMNS;
  let paths: readonly (JsonPath | undefined)[] | undefined;
  return {
    columns: [NAME.head, ...columns.map(columnOf)],
    cells(object, nowMs) {
      const parsed = (paths ??= columns.map(({ jsonPath }) => parseJsonPath(jsonPath)));
      return [
        object.metadata.name,
        ...columns.map(({ type }, index) => cellOf(type, parsed[index], object, nowMs)),
      ];
    },
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
