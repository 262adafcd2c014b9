/** The process that listens on a TCP port, as far as /proc shows it to this user (proc(5)). */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The state LISTEN in /proc/net/tcp. */
const LISTEN = '0A';
/** A process may have a million descriptors; a listening socket is among the first. */
const MAX_DESCRIPTORS = 4_096;

/** `process 812 (nginx)`; undefined where it cannot be found out. */
export function listeningProcess(port: number): string | undefined {
  const sockets = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => listenersIn(table, port)));
  if (sockets.size === 0) return undefined;
  for (const pid of namesIn('/proc').filter((name) => /^\d+$/.test(name))) {
    const descriptors = namesIn(`/proc/${pid}/fd`).slice(0, MAX_DESCRIPTORS);
    if (descriptors.some((name) => sockets.has(targetOf(`/proc/${pid}/fd/${name}`))))
      return `process ${pid} (${textOf(`/proc/${pid}/comm`).trim()})`;
  }
  return undefined;
}

/** As links of descriptors name them: `socket:[1603]`. */
function listenersIn(table: string, port: number): readonly string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return textOf(table)
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', , state]) => state === LISTEN && local.endsWith(`:${hex}`))
    .map((fields) => `socket:[${fields[9] ?? ''}]`);
}

const namesIn = (directory: string): readonly string[] => readable(() => readdirSync(directory), []);
const textOf = (path: string): string => readable(() => readFileSync(path, 'utf8'), '');
const targetOf = (link: string): string => readable(() => readlinkSync(link), '');

/** Processes end while they are looked at, and those of others are closed to this user. */
function readable<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
