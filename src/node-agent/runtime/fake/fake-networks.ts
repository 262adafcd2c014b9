/** Networks of the fake engine, and the rules for containers that share them. */
import { RuntimeError } from '../types.ts';
import { type FakeContainer, ipOf } from './fake-container.ts';

export interface FakeNetworks {
  ensure(name: string, subnet: string): void;
  remove(name: string): void;
}

export function createFakeNetworks(): FakeNetworks {
  const subnets = new Map<string, string>();
  const refuse = (message: string): never => {
    throw new RuntimeError('invalid', message);
  };
  return {
    ensure(name, subnet) {
      const existing = subnets.get(name) ?? subnet;
      if (existing !== subnet)
        refuse(`Cannot use network "${name}": its subnet is ${existing}, not ${subnet}`);
      const other = [...subnets].find(([known, taken]) => known !== name && taken === subnet)?.[0];
      if (other !== undefined)
        refuse(
          `Cannot create network "${name}": subnet ${subnet} overlaps with another network ("${other}")`,
        );
      subnets.set(name, subnet);
    },
    remove: (name) => void subnets.delete(name),
  };
}

/** Throws when the container cannot start beside the `others` that run. */
export function checkNetworkOf({ spec }: FakeContainer, others: readonly FakeContainer[]): void {
  const refuse = (code: 'network' | 'address', why: string): never => {
    throw new RuntimeError(code, `Cannot start container: ${why}`);
  };
  const { network, ports } = spec;
  if (network.type === 'container' && !others.some(({ id }) => id === network.containerId)) {
    refuse('network', 'cannot join network of a non running container');
  }
  if (network.type === 'pod' && others.some((other) => ipOf(other) === network.ip)) {
    refuse('address', `address ${network.ip} already in use`);
  }
  const taken = new Set(
    others.flatMap((other) => other.spec.ports.map((port) => `${port.protocol}/${port.hostPort}`)),
  );
  const clash = ports.find((port) => taken.has(`${port.protocol}/${port.hostPort}`));
  if (clash) refuse('network', `port ${clash.hostPort} is already allocated`);
}
