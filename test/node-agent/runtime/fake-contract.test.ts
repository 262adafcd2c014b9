import { systemClock } from '../../../src/base/clock.ts';
import { seededRng } from '../../../src/base/rng.ts';
import {
  createFakeRuntime,
  type FakeRuntime,
} from '../../../src/node-agent/runtime/fake/create-fake-runtime.ts';
import { describeContainerRuntime } from '../../contracts/container-runtime.ts';

const PROGRAMS = {
  server: { exitCodeOnTerm: 7 },
  stubborn: { ignoresTerm: true },
  speaker: { output: ['one', 'two'], exitAfterMs: 1, exitCode: 3 },
} as const;

describeContainerRuntime('fake', async () => {
  const runtimes: FakeRuntime[] = [];
  const connect = (node: string): FakeRuntime => {
    const runtime = createFakeRuntime({
      clock: systemClock,
      rng: seededRng(1),
      cluster: 'c',
      node,
      programOf: ({ command }) => PROGRAMS[(command?.[0] ?? 'server') as keyof typeof PROGRAMS],
    });
    runtime.images.add('symphony.test/busybox:1');
    void runtime.ensureNetwork({ name: 'pods', subnet: '10.1.2.0/24', gateway: '10.1.2.1' });
    runtimes.push(runtime);
    return runtime;
  };
  return {
    image: 'symphony.test/busybox:1',
    missingImage: 'symphony.test/nothing:1',
    network: 'pods',
    ip: (host) => `10.1.2.${host}`,
    cluster: 'c',
    connect,
    programs: { server: ['server'], stubborn: ['stubborn'], speaker: ['speaker'] },
    probe: ['true'],
    dispose: async () => undefined,
  };
});
