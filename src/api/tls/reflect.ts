/**
 * `tsyringe`, which @peculiar/x509 registers its algorithms with, refuses to load without `Reflect.getMetadata`. It reads
 * nothing through it for those registrations but constructor types, and there are none to know in compiled code:
 * these few lines are all that is needed. Import this before @peculiar/x509.
 */
const store = new WeakMap<object, Map<unknown, unknown>>();

const metadata = {
  getMetadata: (key: unknown, target: object): unknown => store.get(target)?.get(key),
  getOwnMetadata: (key: unknown, target: object): unknown => store.get(target)?.get(key),
  hasOwnMetadata: (key: unknown, target: object): boolean => store.get(target)?.has(key) ?? false,
  defineMetadata(key: unknown, value: unknown, target: object): void {
    const entries = store.get(target) ?? new Map<unknown, unknown>();
    store.set(target, entries.set(key, value));
  },
  metadata: (key: unknown, value: unknown) => (target: object) => metadata.defineMetadata(key, value, target),
};

for (const [name, value] of Object.entries(metadata))
  if (!(name in Reflect)) Object.defineProperty(Reflect, name, { value, configurable: true, writable: true });
