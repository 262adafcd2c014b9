/**
 * Service account tokens of the simulation: the real request, signed without any arithmetic (a real
 * signature would take real time), and kept over a restart of the agent as its disk would.
 */
import type { ResourceCore } from '../../src/resources/resource-core.ts';
import { createTokenRequestAction } from '../../src/api/authn/token-request.ts';
import type { ObjectAction } from '../../src/resources/subresources/types.ts';
import type { Rng } from '../../src/base/rng.ts';
import type { PodTokensOptions } from '../../src/node-agent/identity/service-account-tokens.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { isStatusError } from '../../src/schemas/errors/status.ts';

export function simTokenActions(core: ResourceCore, rng: Rng): readonly ObjectAction[] {
  const signer = {
    sign: async (claims: unknown) => Buffer.from(JSON.stringify(claims)).toString('base64url'),
  };
  return [createTokenRequestAction({ core, signer, rng })];
}

export function createKeptInMemory(): NonNullable<PodTokensOptions['through']> {
  const kept = new Map<string, KubeObject>();
  return async <T extends KubeObject>(podUid: string, name: string, read: () => Promise<T>) => {
    const key = `${podUid} ${name}`;
    try {
      const value = await read();
      kept.set(key, value);
      return value;
    } catch (error) {
      if (isStatusError(error, 'NotFound')) {
        kept.delete(key);
        return undefined;
      }
      const last = kept.get(key);
      if (!last) throw error;
      return last as T;
    }
  };
}
