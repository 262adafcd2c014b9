/**
 * A small AsyncDisposableStack (Node 20 has none). Parts end in reverse order. One that fails to
 * end does not keep the others from ending. One that comes after the end ends at once.
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

  function defer(task: () => unknown): void {
    undo.push(task);
    // Without it a part that comes after the end would stay for ever.
    if (ending) (ending = ending.finally(end)).catch(() => undefined);
    onStep();
  }

  return {
    use(part) {
      // Bound now: openScope gives the result, which may be a part, another dispose.
      defer(
        Symbol.asyncDispose in part ? part[Symbol.asyncDispose].bind(part) : part[Symbol.dispose].bind(part),
      );
      return part;
    },
    defer,
    [Symbol.asyncDispose]: () => (ending ??= end()),
  };
}

/** The result of `start`, disposable as a whole. When `start` throws, its parts end. */
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
