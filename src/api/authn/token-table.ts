/**
 * Bearer tokens in a file: `{ "tokens": [{ "hash", "user", "groups" }] }`, mode 0600. Tokens are
 * random, so a SHA-256 hash is enough; a lookup by hash compares in constant time. Several
 * processes share the file: lookups see a change within half a second, and each change starts from
 * the file.
 */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createBoundedMap } from '../../base/bounded-map.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import { withFileLock } from '../../base/file-lock.ts';
import { isRecord } from '../../base/json.ts';
import { secretToken } from '../../base/rng.ts';
import { writePrivateFile } from '../../base/private-file.ts';
import type { TokenAuthenticator, UserInfo } from './types.ts';

interface TokenEntry {
  readonly hash: string;
  readonly user: string;
  readonly groups: readonly string[];
}

export interface TokenTable {
  /** The user that a token stands for, if it does. */
  find(token: string): UserInfo | undefined;
  /** Makes a token for the user; its text is not kept. Older tokens stay valid. */
  issue(user: string, groups: readonly string[]): Promise<string>;
  /** Whether the token is one of this user, according to the file as it is now. */
  belongsTo(token: string, user: string): boolean;
  /** Ends every token of the user. */
  revoke(user: string): Promise<void>;
}

/** Tokens of one cluster: its nodes and a few people; a guard against a runaway script. */
const MAX_TOKENS = 20_000;

const sha256 = (token: string): string => createHash('sha256').update(token).digest('hex');

/** Hashes of valid tokens, which come with each request; a guessed token is never kept. */
const MAX_KEPT_HASHES = 4_096;

/** How long a token that was made or revoked elsewhere may go unnoticed. */
const LOOK_INTERVAL_MS = 500;

export interface TokenTableOptions {
  readonly clock?: Clock;
  /** Called when the file cannot be read any more; the last good table stays in force. */
  readonly onError?: (error: unknown) => void;
}

export function openTokenTable(path: string, options: TokenTableOptions = {}): Promise<TokenTable> {
  return Promise.resolve().then(() => tokenTable(path, options));
}

function tokenTable(path: string, options: TokenTableOptions): TokenTable {
  const clock = options.clock ?? systemClock;
  let seen = signatureOf(path);
  let entries = byHash(readEntries(path));
  let lookedAtMs = clock.now();
  let turn: Promise<unknown> = Promise.resolve();
  const hashes = createBoundedMap<string, string>(MAX_KEPT_HASHES);

  function hashOf(token: string): string {
    const known = hashes.get(token);
    if (known !== undefined) return known;
    const hash = sha256(token);
    if (entries.has(hash)) hashes.set(token, hash);
    return hash;
  }

  function reload(): void {
    lookedAtMs = clock.now();
    const signature = signatureOf(path);
    if (signature === seen) return;
    entries = byHash(readEntries(path));
    seen = signature;
  }

  function look(): void {
    if (clock.now() - lookedAtMs < LOOK_INTERVAL_MS) return;
    try {
      reload();
    } catch (error) {
      options.onError?.(error);
    }
  }

  /** One change at a time over all processes, starting from the current file. */
  function change<T>(task: () => Promise<T>): Promise<T> {
    const next = turn.then(() =>
      withFileLock(`${path}.lock`, clock, () => {
        reload();
        return task();
      }),
    );
    turn = next.catch(() => undefined);
    return next;
  }

  async function save(next: Map<string, TokenEntry>): Promise<void> {
    await writePrivateFile(path, `${JSON.stringify({ tokens: [...next.values()] }, null, 2)}\n`);
    entries = next;
    seen = signatureOf(path);
  }

  return {
    find(token) {
      look();
      const entry = entries.get(hashOf(token));
      return entry && userOf(entry);
    },
    issue: (user, groups) =>
      change(async () => {
        if (entries.size >= MAX_TOKENS)
          throw new Error(`Cannot issue a token: there are ${MAX_TOKENS} already`);
        const token = secretToken();
        const hash = hashOf(token);
        await save(new Map(entries).set(hash, { hash, user, groups }));
        return token;
      }),
    belongsTo(token, user) {
      reload();
      return entries.get(hashOf(token))?.user === user;
    },
    revoke: (user) => change(() => save(new Map([...entries].filter(([, entry]) => entry.user !== user)))),
  };
}

/** One object per entry, so that caches can be keyed by it. */
const users = new WeakMap<TokenEntry, UserInfo>();

function userOf(entry: TokenEntry): UserInfo {
  let user = users.get(entry);
  if (!user)
    users.set(entry, (user = { name: entry.user, groups: [...entry.groups, 'system:authenticated'] }));
  return user;
}

const byHash = (list: readonly TokenEntry[]): Map<string, TokenEntry> =>
  new Map(list.map((entry) => [entry.hash, entry]));

/** Differs whenever the file was replaced or written; absent is a state, too. */
function signatureOf(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.ino}:${stats.mtimeMs}:${stats.size}`;
}

function readEntries(path: string): readonly TokenEntry[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  try {
    const parsed: unknown = JSON.parse(text);
    const list =
      isRecord(parsed) && Array.isArray(parsed['tokens']) ? (parsed['tokens'] as unknown[]) : undefined;
    if (!list?.every(isEntry)) throw new Error('it is not a token table');
    return list;
  } catch (error) {
    throw new Error(`Cannot read tokens from "${path}": ${errorMessage(error)}`, { cause: error });
  }
}

function isEntry(value: unknown): value is TokenEntry {
  return (
    isRecord(value) &&
    typeof value['hash'] === 'string' &&
    typeof value['user'] === 'string' &&
    Array.isArray(value['groups'])
  );
}

/** The table's tokens as one sort of bearer tokens, meant for this server. */
export const createTableAuthenticator = (table: Pick<TokenTable, 'find'>): TokenAuthenticator => ({
  authenticateToken(token) {
    const user = table.find(token);
    return user && { user };
  },
});
