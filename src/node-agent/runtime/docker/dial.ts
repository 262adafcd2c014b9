/** Connects to a container's port: at its address, or in its network if it listens on localhost. */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../../base/clock.ts';
import { goWords, hostPort } from '../../../base/go-words.ts';
import { type ContainerRuntime, labelKeys, RuntimeError } from '../types.ts';
import type { Engine } from './engine.ts';
import { dialLocalhost } from './local-dial.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const CONTAINER_PREFIX = 'container:';

interface Place {
  readonly id: string;
  readonly pid: number;
  /** Undefined for a container without a network. */
  readonly address: string | undefined;
}

export function createDial(engine: Engine, clock: Clock): Pick<ContainerRuntime, 'dial'> {
  const { docker, call } = engine;

  /** A pod's member has the network of its sandbox, which is one step away and never more. */
  async function placeOf(id: string, mayFollow = true): Promise<Place> {
    const info = await call(`look at container "${id}"`, (options) =>
      docker.getContainer(id).inspect(options),
    );
    const mode = info.HostConfig.NetworkMode ?? '';
    if (mode.startsWith(CONTAINER_PREFIX) && mayFollow) {
      return placeOf(mode.slice(CONTAINER_PREFIX.length), false);
    }
    const ofNetwork = Object.values(info.NetworkSettings.Networks)
      .map((network) => network.IPAddress)
      .find((ip) => ip !== '');
    const linked = info.State.Running ? info.Config.Labels[labelKeys.address] : undefined;
    const address = mode === 'host' ? '127.0.0.1' : linked || ofNetwork;
    return { id: info.Id, pid: info.State.Pid, address };
  }

  /** `first` is why its address did not do. */
  async function openLocally({ id, pid }: Place, port: number, first: RuntimeError): Promise<Duplex> {
    try {
      return await dialLocalhost(id, pid, port, clock);
    } catch (error) {
      const why = `on its localhost: ${goWords(error)}`;
      const detail = `${first.detail}; ${why}`;
      throw new RuntimeError('transient', `${first.message}; ${why}`, { cause: error, detail });
    }
  }

  return {
    async dial(id, port) {
      const place = await placeOf(id);
      const { address } = place;
      if (address === undefined) {
        const detail = 'the container has no address now';
        const none = `Cannot connect to container "${id}": ${detail}`;
        return openLocally(place, port, new RuntimeError('conflict', none, { detail }));
      }
      try {
        return await open(address, port, clock);
      } catch (error) {
        if (!(error instanceof RuntimeError) || !wasRefused(error) || address === '127.0.0.1') throw error;
        return openLocally(place, port, error);
      }
    },
  };
}

/** Connection refused, not host unreachable. */
const wasRefused = ({ cause }: RuntimeError): boolean =>
  (cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED';

function open(host: string, port: number, clock: Clock): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const fail = (why: string, cause?: Error): void => {
      timer.cancel();
      socket.destroy();
      const options = { detail: why, ...(cause ? { cause } : {}) };
      reject(new RuntimeError('transient', `Cannot connect to ${host}:${port}: ${why}`, options));
    };
    const timer = clock.setTimer(
      () => fail(`dial tcp ${hostPort(host, port)}: i/o timeout`),
      CONNECT_TIMEOUT_MS,
    );
    const onError = (error: Error): void => fail(goWords(error, hostPort(host, port)), error);
    socket.once('error', onError);
    socket.once('connect', () => {
      timer.cancel();
      socket.removeListener('error', onError);
      resolve(socket);
    });
  });
}
