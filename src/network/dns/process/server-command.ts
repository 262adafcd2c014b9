/** How an agent starts a DNS server: a program of its own that is built with the agent's. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export interface ServerCommand {
  /** The settings follow as one more word. */
  readonly words: readonly [program: string, ...args: string[]];
  /** Text that changes with the program. */
  readonly identity: string;
}

/** A server holds the names of the cluster, and little else. */
const NODE_FLAGS = ['--max-old-space-size=256'];

/** The bundle has the server beside this file, the sources in a folder of their own. */
export function ownCommand(): ServerCommand {
  const bundled = fileURLToPath(new URL('name-server.js', import.meta.url));
  // It names the files that it loads, and their names change with what they hold.
  if (existsSync(bundled))
    return {
      words: [process.execPath, ...NODE_FLAGS, bundled],
      identity: readFileSync(bundled, 'utf8'),
    };
  const source = fileURLToPath(new URL('../../../server/name-server.ts', import.meta.url));
  const tsx = createRequire(import.meta.url).resolve('tsx');
  return { words: [process.execPath, '--import', tsx, ...NODE_FLAGS, source], identity: source };
}

/** Servers of equal program and settings are alike. */
export const programOf = ({ identity }: ServerCommand, settings: unknown): string =>
  createHash('sha256')
    .update(`${process.version} ${identity} ${JSON.stringify(settings)}`)
    .digest('hex')
    .slice(0, 16);
