/** A connection to a port of a container: to its address, or to this machine for a container on the host's network. */
import { connect, type Socket } from 'node:net';
import type { Clock } from '../../../base/clock.ts';
import { type ContainerRuntime, RuntimeError } from '../types.ts';
import type { Engine } from './engine.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const CONTAINER_PREFIX = 'container:';

export function createDial(engine: Engine, clock: Clock): Pick<ContainerRuntime, 'dial'> {
  const { docker, call } = engine;

  /** A pod's member has the network of its sandbox, which is one step away and never more. */
  async function addressOf(id: string, mayFollow = true): Promise<string> {
    const info = await call(`look at container "${id}"`, (options) =>
      docker.getContainer(id).inspect(options),
    );
    const mode = info.HostConfig.NetworkMode ?? '';
    if (mode === 'host') return '127.0.0.1';
    if (mode.startsWith(CONTAINER_PREFIX) && mayFollow) {
      return addressOf(mode.slice(CONTAINER_PREFIX.length), false);
    }
    const address = Object.values(info.NetworkSettings.Networks)
      .map((network) => network.IPAddress)
      .find((ip) => ip !== '');
    if (address === undefined) {
      throw new RuntimeError('conflict', `Cannot connect to container "${id}": it has no address now`);
    }
    return address;
  }

  return {
    async dial(id, port) {
      const host = await addressOf(id);
      return open(host, port, clock);
    },
  };
}

function open(host: string, port: number, clock: Clock): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const fail = (why: string, cause?: Error): void => {
      timer.cancel();
      socket.destroy();
      const options = cause ? { cause } : undefined;
      reject(new RuntimeError('transient', `Cannot connect to ${host}:${port}: ${why}`, options));
    };
    const timer = clock.setTimer(
      () => fail(`no answer in ${CONNECT_TIMEOUT_MS / 1000} s`),
      CONNECT_TIMEOUT_MS,
    );
    const onError = (error: Error): void => fail(error.message, error);
    socket.once('error', onError);
    socket.once('connect', () => {
      timer.cancel();
      socket.removeListener('error', onError);
      resolve(socket);
    });
  });
}
