/**
 * Values that are nearly always at hand. Awaiting a promise costs a turn of the microtask queue and
 * garbage. In a request of a dozen steps that wait for nobody, that is much of the cost.
 */
export type Eventually<T> = T | Promise<T>;

/**
 * At once where the value is at hand. What `next` throws is thrown then, and a rejection otherwise.
 */
export function andThen<T, R>(value: Eventually<T>, next: (value: T) => Eventually<R>): Eventually<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
