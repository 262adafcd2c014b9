/**
 * Values as JSON for people and programs. Names and messages come from outside, and a terminal may
 * show them.
 */
import { printableJson } from '../../base/printable.ts';

export const renderJson = (value: unknown): string => `${printableJson(JSON.stringify(value, null, 2))}\n`;
