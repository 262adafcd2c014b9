/**
 * A log line for people at a terminal: `14:03:07 WARN  node-agent: Cannot pull image  pod=web-1
 * error="…"`. Pure.
 */
import { isRecord, parsedJson } from './json.ts';
import { printable } from './printable.ts';

interface Level {
  readonly name: string;
  /** ANSI SGR parameters. */
  readonly colour: string;
}

/** By pino's numbers. */
const LEVELS: Readonly<Record<number, Level>> = {
  20: { name: 'DEBUG', colour: '90' },
  30: { name: 'INFO', colour: '32' },
  40: { name: 'WARN', colour: '33' },
  50: { name: 'ERROR', colour: '31' },
};
const OTHER: Level = { name: 'LOG', colour: '0' };

/** `line` is one of pino's JSON lines; any other text comes back as it is. Times are local. */
export function logText(line: string, { colours }: { readonly colours: boolean }): string {
  const entry = parsedJson(line);
  if (!isRecord(entry)) return line;
  const { level, time, component, msg, ...fields } = entry;
  const { name, colour } = LEVELS[Number(level)] ?? OTHER;
  const shown = colours ? `\u001b[${colour}m${name.padEnd(5)}\u001b[0m` : name.padEnd(5);
  const origin = typeof component === 'string' ? `${component}: ` : '';
  const details = Object.entries(fields).map(([key, value]) => ` ${key}=${fieldText(value)}`);
  const message = typeof msg === 'string' ? msg : '';
  const text = printable(`${origin}${message}${details.length === 0 ? '' : ` ${details.join('')}`}`);
  return `${clockTime(Number(time))} ${shown} ${text}\n`;
}

const clockTime = (time: number): string => {
  const date = new Date(time);
  const part = (value: number): string => String(value).padStart(2, '0');
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(part).join(':');
};

/** An error shows its message: its stack is in the JSON form. */
function fieldText(value: unknown): string {
  const plain = isRecord(value) && typeof value['message'] === 'string' ? value['message'] : value;
  if (typeof plain !== 'string') return JSON.stringify(plain);
  return /^[^\s"=]+$/.test(plain) ? plain : JSON.stringify(plain);
}
