/**
 * A small AsyncDisposableStack (Node 20 has none): parts that are started one after the other, and ended in reverse
 * order. A part that cannot be ended does not keep the others from being ended.
 */
export interface Disposables extends AsyncDisposable {
  /** Takes a part over, and gives it back. */
  use<T extends AsyncDisposable | Disposable>(part: T): T;
  /** Runs at the end, in its turn. */
  defer(undo: () => unknown): void;
}

export function createDisposables(): Disposables {
  const undo: (() => unknown)[] = [];
  let ending: Promise<void> | undefined;

  async function end(): Promise<void> {
    const failures: unknown[] = [];
    for (let next = undo.pop(); next; next = undo.pop()) {
      try {
        await next();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, 'Cannot end several parts');
  }

  return {
    use(part) {
      undo.push(() => (Symbol.asyncDispose in part ? part[Symbol.asyncDispose]() : part[Symbol.dispose]()));
      return part;
    },
    defer: (task) => void undo.push(task),
    [Symbol.asyncDispose]: () => (ending ??= end()),
  };
}

/**
 * What `start` gives, disposable as a whole. When it throws half way, all that it has started is ended, and its error
 * is the one that the caller sees.
 */
export async function startParts<T extends object>(
  start: (parts: Disposables) => Promise<T>,
): Promise<T & AsyncDisposable> {
  const parts = createDisposables();
  try {
    return Object.assign(await start(parts), { [Symbol.asyncDispose]: parts[Symbol.asyncDispose] });
  } catch (error) {
    await Promise.allSettled([parts[Symbol.asyncDispose]()]);
    throw error;
  }
}
