/** Host ports: (address, protocol, port) is unique per node; 0.0.0.0 clashes with every address. */
import type { FilterPlugin, HostPort } from '../types.ts';

const REFUSAL = { reasons: ["node(s) didn't have free ports for the requested pod ports"], resolvable: true };

const clash = (a: HostPort, b: HostPort): boolean =>
  a.port === b.port &&
  a.protocol === b.protocol &&
  (a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0');

export const nodePorts: FilterPlugin = {
  name: 'NodePorts',
  local: true,
  prepare: (pod) => {
    if (pod.hostPorts.length === 0) return undefined;
    return {
      refuse: (node) =>
        pod.hostPorts.some((wanted) => node.usedPorts.some((used) => clash(wanted, used)))
          ? REFUSAL
          : undefined,
    };
  },
};
