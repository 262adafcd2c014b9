/** No commit statuses. */
import type { Forge } from './types.ts';

export const noForge: Forge = { name: 'none', post: async () => undefined };
