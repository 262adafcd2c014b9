/** Values as JSON, safe on a terminal: names and messages come from outside. */
import { printableJson } from '../../base/printable.ts';

export const renderJson = (value: unknown): string => `${printableJson(JSON.stringify(value, null, 2))}\n`;
