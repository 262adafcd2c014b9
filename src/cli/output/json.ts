/** Values as JSON for people and programs: names and messages in it come from outside, and may be shown on a terminal. */
import { printableJson } from '../../base/printable.ts';

export const renderJson = (value: unknown): string => `${printableJson(JSON.stringify(value, null, 2))}\n`;
