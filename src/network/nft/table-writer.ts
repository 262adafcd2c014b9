/**
 * Keeps one table of the kernel equal to its state: one transaction at a time, with all that has
 * changed meanwhile. A part that the kernel refuses is left out, and does not stop the others. The
 * kernel's table is read now and then, since tools such as `nft flush ruleset` remove it.
 */
import { createAbort } from '../../base/abort.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { parseLearnedElements } from './learned-elements.ts';
import type { TablePart, TableState } from './table-state.ts';

/** The kernel's nftables, as `nft` gives access to them. */
export interface Nft {
  /** One transaction: all of it, or an error and nothing. */
  apply(commands: string): Promise<void>;
  /** The table without its elements, or a set of it with them; undefined if there is none. */
  list(family: string, table: string, set?: string): Promise<string | undefined>;
}

export interface TableWriterOptions {
  readonly nft: Nft;
  readonly state: TableState;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface TableWriter extends AsyncDisposable {
  /**
   * Writes the table for the first time, when all of its parts are known: until then the kernel
   * works with what an earlier process has left.
   */
  start(): void;
  /** Replaces a part; undefined removes it. Written soon. */
  set(name: string, part: TablePart | undefined): void;
  /** Resolves when everything that was set before is in the kernel, or was refused by it. */
  settled(): Promise<void>;
  /** Why the kernel refuses a part, by the part's name. */
  readonly refused: ReadonlyMap<string, string>;
}

/** How often the kernel's table is compared with what was written. */
const VERIFY_MS = 10_000;
/** Between attempts to write a table that the kernel refuses as a whole. */
const RETRY_MS = 5_000;

export function createTableWriter({ nft, state, clock, logger }: TableWriterOptions): TableWriter {
  const stop = createAbort();
  const refused = new Map<string, string>();
  /** Parts that were set and are not in the kernel yet. */
  const waiting = new Map<string, TablePart | undefined>();
  let isStarted = false;
  let isWhole = false;
  let running: Promise<void> | undefined;
  let baseline: string | undefined;

  function set(name: string, part: TablePart | undefined): void {
    waiting.set(name, part);
    refused.delete(name);
    wake();
  }

  function wake(): void {
    if (!isStarted || stop.signal.aborted) return;
    running ??= write().finally(() => {
      running = undefined;
      if (waiting.size > 0 || !isWhole) wake();
    });
  }

  /** Never rejects. */
  async function write(): Promise<void> {
    // Changes that come in one turn go in one transaction.
    await Promise.resolve();
    const names = [...waiting.keys()];
    try {
      await writeParts(names);
    } catch (error) {
      isWhole = false;
      logger.error({ error: errorMessage(error) }, 'Cannot write the table of the network; trying again');
      await sleep(clock, RETRY_MS, stop.signal);
    }
  }

  async function writeParts(names: readonly string[]): Promise<void> {
    const before = new Map(names.map((name) => [name, state.parts.get(name)]));
    const wanted = new Map(names.map((name) => [name, waiting.get(name)]));
    for (const [name, part] of wanted) state.set(name, part);
    try {
      const isAnew = !isWhole;
      await apply(isWhole ? state.takeChanges() : await takeWhole());
      forget(wanted);
      // Read at once: a change of somebody else before the first comparison would count as ours.
      if (isAnew) baseline = await nft.list(state.family, state.name).catch(() => undefined);
    } catch (error) {
      if (names.length === 0) throw error;
      for (const [name, part] of before) state.set(name, part);
      logger.warn(
        { error: errorMessage(error), parts: names.length },
        'The kernel refuses a change of the network',
      );
      // The whole table without the change; a kernel that refuses this, too, refuses everything.
      await apply(await takeWhole());
      await writeOneByOne(wanted, error);
    }
  }

  /** The kernel forgets the table, but not what packets have put into its sets. */
  async function takeWhole(): Promise<string> {
    const names = state.learningSets();
    if (names.length === 0) return state.takeWhole();
    const listed = await nft.list(state.family, state.name);
    // A program for each set: nft 1.0.6 finds the last one only of several in one file.
    let text = '';
    for (const name of names)
      if (listed?.includes(`set ${name} {`)) text += (await nft.list(state.family, state.name, name)) ?? '';
    return state.takeWhole(parseLearnedElements(text));
  }

  /** Halves what is refused until single parts are left. */
  async function writeOneByOne(
    wanted: ReadonlyMap<string, TablePart | undefined>,
    error: unknown,
  ): Promise<void> {
    const entries = [...wanted];
    const [only, another] = entries;
    if (only && !another) {
      const [name] = only;
      refused.set(name, errorMessage(error));
      logger.error({ part: name, error: errorMessage(error) }, 'The kernel refuses this; it is left out');
      if (state.parts.has(name)) {
        // The old part would lead to targets that are no longer desired.
        state.set(name, undefined);
        await apply(state.takeChanges());
      }
      return forget(wanted);
    }
    const middle = Math.ceil(entries.length / 2);
    for (const half of [entries.slice(0, middle), entries.slice(middle)]) {
      const before = half.map(([name]) => [name, state.parts.get(name)] as const);
      for (const [name, part] of half) state.set(name, part);
      try {
        await apply(state.takeChanges());
        forget(new Map(half));
      } catch (failure) {
        for (const [name, part] of before) state.set(name, part);
        state.takeChanges();
        await writeOneByOne(new Map(half), failure);
      }
    }
  }

  function forget(written: ReadonlyMap<string, TablePart | undefined>): void {
    for (const [name, part] of written) if (waiting.get(name) === part) waiting.delete(name);
  }

  async function apply(commands: string | undefined): Promise<void> {
    if (commands === undefined) return;
    baseline = undefined;
    await nft.apply(commands);
    isWhole = true;
  }

  async function verify(): Promise<void> {
    for (;;) {
      await sleep(clock, VERIFY_MS, stop.signal);
      if (stop.signal.aborted) return;
      if (running) continue;
      const listed = await nft.list(state.family, state.name).catch(() => baseline);
      if (running) continue;
      if (listed === undefined || (baseline !== undefined && listed !== baseline)) {
        logger.warn(
          { table: state.name },
          'Somebody has changed the table of the network; it is written again',
        );
        isWhole = false;
        wake();
      } else baseline = listed;
    }
  }

  let verifying: Promise<void> | undefined;
  return {
    start() {
      isStarted = true;
      verifying ??= verify();
      wake();
    },
    set,
    refused,
    async settled() {
      while (running) await running;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all([running, verifying]);
    },
  };
}
