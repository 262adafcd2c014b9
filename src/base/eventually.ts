/**
 * Values that are nearly always at hand. A promise costs a turn of the microtask queue and garbage each time it is awaited;
 * where a request passes a dozen steps that need nobody's answer, that is a good part of what the request costs.
 */
export type Eventually<T> = T | Promise<T>;

/** At once where the value is at hand. What `next` throws is thrown then, and a rejection otherwise. */
export function andThen<T, R>(value: Eventually<T>, next: (value: T) => Eventually<R>): Eventually<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
