/**
 * A small AsyncDisposableStack (Node 20 has none). Parts start one after the other and end in reverse order. A part that
 * fails to end does not keep the others from ending.
 */
export interface Scope extends AsyncDisposable {
  /** Takes a part over, and returns it. */
  use<T extends AsyncDisposable | Disposable>(part: T): T;
  /** Runs at the end, in its turn. */
  defer(undo: () => unknown): void;
}

/** `onStep` is told after each part. */
export function createScope(onStep: () => void = () => undefined): Scope {
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
      onStep();
      return part;
    },
    defer(task) {
      undo.push(task);
      onStep();
    },
    [Symbol.asyncDispose]: () => (ending ??= end()),
  };
}

/**
 * Returns the result of `start`, disposable as a whole. When `start` throws, everything that it put into the scope ends,
 * and the caller gets its error.
 */
export async function openScope<T extends object>(
  start: (scope: Scope) => Promise<T>,
  onStep?: () => void,
): Promise<T & AsyncDisposable> {
  const scope = createScope(onStep);
  try {
    return Object.assign(await start(scope), { [Symbol.asyncDispose]: scope[Symbol.asyncDispose] });
  } catch (error) {
    await Promise.allSettled([scope[Symbol.asyncDispose]()]);
    throw error;
  }
}
