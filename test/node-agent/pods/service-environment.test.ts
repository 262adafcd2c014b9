import { describe, expect, it } from 'vitest';
import { StepProblem } from '../../../src/node-agent/ports.ts';
import {
  createServiceEnvironment,
  type KnownServices,
} from '../../../src/node-agent/pods/service-environment.ts';
import type { KeptSources } from '../../../src/node-agent/records/kept-sources.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { aPod } from '../../support/builders.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { aService } from '../../support/services.ts';

/** As kept sources, in memory. */
function keptInMemory(): KeptSources['through'] {
  const kept = new Map<string, KubeObject>();
  return async <T extends KubeObject>(uid: string, name: string, read: () => Promise<T>) => {
    try {
      const value = await read();
      kept.set(`${uid} ${name}`, value);
      return value;
    } catch (error) {
      const last = kept.get(`${uid} ${name}`);
      if (!last) throw error;
      return last as T;
    }
  };
}

function knownServices() {
  const listeners: (() => void)[] = [];
  const known = {
    items: new Map([['default/web', aService({ clusterIP: '10.96.0.50' })]]),
    isSynced: false,
    onChange: (listener: () => void) => void listeners.push(listener),
    sync() {
      known.isSynced = true;
      for (const listener of listeners) listener();
    },
  };
  return known satisfies KnownServices & { sync(): void };
}

describe('the service variables of a container', () => {
  it('are none where pods reach no Services', async () => {
    const environment = createServiceEnvironment({
      services: () => undefined,
      through: keptInMemory(),
      clock: createFakeClock(),
    });
    expect(await environment(aPod())).toEqual([]);
  });

  it('wait for the first list', async () => {
    const known = knownServices();
    const clock = createFakeClock();
    const environment = createServiceEnvironment({ services: () => known, through: keptInMemory(), clock });
    const asked = environment(aPod());
    known.sync();
    expect((await asked)[0]).toEqual({ name: 'WEB_SERVICE_HOST', value: '10.96.0.50' });
  });

  it('are not waited for without end: the container fails as with kubelet', async () => {
    const clock = createFakeClock();
    const known = knownServices();
    const environment = createServiceEnvironment({ services: () => known, through: keptInMemory(), clock });
    const asked = environment(aPod()).catch((error: unknown) => error);
    await clock.advance(2_000);
    const error = (await asked) as StepProblem;
    expect(error).toBeInstanceOf(StepProblem);
    expect([error.reason, error.message]).toEqual([
      'CreateContainerConfigError',
      'services have not yet been read at least once, cannot construct envvars',
    ]);
  });

  it('are those of before where the container is made again without a control plane', async () => {
    const through = keptInMemory();
    const clock = createFakeClock();
    const before = knownServices();
    before.sync();
    const first = await createServiceEnvironment({ services: () => before, through, clock })(aPod());
    const unread = { ...knownServices(), items: new Map() };
    const asked = createServiceEnvironment({ services: () => unread, through, clock })(aPod());
    await clock.advance(2_000);
    expect(await asked).toEqual(first);
  });
});
