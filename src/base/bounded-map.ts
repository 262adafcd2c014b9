/** A map that keeps the entries that were set last, so that no flood of keys fills the memory. */
export interface BoundedMap<K, V> {
  readonly size: number;
  has(key: K): boolean;
  get(key: K): V | undefined;
  /** Makes the entry the newest one. Beyond the limit the oldest entry goes. */
  set(key: K, value: V): void;
  /** The known value; otherwise the one that `make` returns, which is kept. */
  remember(key: K, make: () => V): V;
  delete(key: K): void;
}

/** Makes the entry of a plain map the newest one. Beyond the limit the oldest entries go. */
export function setRecent<K, V>(map: Map<K, V>, key: K, value: V, limit: number): void {
  map.delete(key);
  map.set(key, value);
  // Looking for the oldest key passes the places of all that went before it.
  if (map.size <= limit) return;
  for (const oldest of map.keys()) {
    if (map.size <= limit) return;
    map.delete(oldest);
  }
}

export function createBoundedMap<K, V>(limit: number): BoundedMap<K, V> {
  const entries = new Map<K, V>();
  const bounded: BoundedMap<K, V> = {
    get size() {
      return entries.size;
    },
    has: (key) => entries.has(key),
    get: (key) => entries.get(key),
    set: (key, value) => setRecent(entries, key, value, limit),
    remember(key, make) {
      const known = entries.get(key);
      if (known !== undefined || entries.has(key)) return known as V;
      const value = make();
      bounded.set(key, value);
      return value;
    },
    delete: (key) => void entries.delete(key),
  };
  return bounded;
}
