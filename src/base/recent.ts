/** Maps that hold only what was used last; the order of their entries is that of use. */

/** Makes the entry the newest one, and forgets the oldest beyond `limit`. */
export function setRecent<K, V>(map: Map<K, V>, key: K, value: V, limit: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= limit) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    if (map.size <= limit) return;
  }
}
