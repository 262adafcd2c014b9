import { expect, it } from 'vitest';
import { createInfo } from '../../../../src/node-agent/runtime/docker/info.ts';
import type { Engine } from '../../../../src/node-agent/runtime/docker/engine.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const INFO = {
  ID: 'engine',
  Name: 'host',
  NCPU: 2,
  MemTotal: 1_024,
  OSType: 'linux',
  OperatingSystem: 'Debian',
  Architecture: 'x86_64',
  KernelVersion: '6.1',
  DockerRootDir: '/var/lib/docker',
};

it('asks an engine what it is once a minute and after a failure, and else only whether it answers', async () => {
  const clock = createFakeClock();
  const asked: string[] = [];
  let isUp = true;
  const answer = <T>(what: string, value: T) => {
    asked.push(what);
    return isUp ? Promise.resolve(value) : Promise.reject(new Error('no answer'));
  };
  const engine = {
    local: false,
    docker: {
      info: () => answer('info', INFO),
      version: () => answer('version', { Version: '28.0', ApiVersion: '1.48' }),
      ping: () => answer('ping', 'OK'),
    },
    call: (_: string, run: (options: object) => Promise<unknown>) => run({}),
  } as unknown as Engine;
  const { info } = createInfo(engine, clock);
  const asks = async (): Promise<readonly string[]> => {
    await info().catch(() => undefined);
    return asked.splice(0);
  };

  expect(await asks()).toEqual(['info', 'version']);
  await clock.advance(10_000);
  expect(await asks()).toEqual(['ping']);
  expect(await info()).toMatchObject({ hostname: 'host', architecture: 'amd64', version: '28.0' });
  asked.length = 0;
  await clock.advance(60_000);
  expect(await asks()).toEqual(['info', 'version']);
  isUp = false;
  expect(await asks()).toEqual(['ping']);
  isUp = true;
  expect(await asks()).toEqual(['info', 'version']);
});
