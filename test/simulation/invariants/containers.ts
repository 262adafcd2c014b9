/**
 * 3 and 4. What agents do to engines: only to their own containers, and never two live ones of a
 * pod's container.
 */
import { labelKeys } from '../../../src/node-agent/runtime/types.ts';
import { SIM_CLUSTER, containerKeyOf } from '../../support/sim-node.ts';
import type { Checker } from './types.ts';

export const ownership: Checker = {
  invariant: 3,
  attach({ world, report }) {
    world.onEngine(({ node, call, labels }) => {
      if (!labels) return;
      if (labels[labelKeys.cluster] !== SIM_CLUSTER || labels[labelKeys.node] !== node) {
        report(3, `${call} on ${node} of a container that belongs to ${labels[labelKeys.node] ?? 'nobody'}`);
      }
    });
  },
};

export const oneContainer: Checker = {
  invariant: 4,
  attach({ world, report }) {
    const check = (): void => {
      const live = new Map<string, string>();
      for (const { name, engine } of world.nodes) {
        for (const { id, labels, phase } of engine.snapshot()) {
          if (phase !== 'running' || labels[labelKeys.role] === 'pod') continue;
          const key = containerKeyOf(labels);
          const other = live.get(key);
          if (other !== undefined)
            report(4, `container ${key} of ${labels[labelKeys.podName]} runs twice: ${other}, ${name} ${id}`);
          live.set(key, `${name} ${id}`);
        }
      }
    };
    world.onEngine(({ call }) => {
      if (call === 'start') check();
    });
    return check;
  },
};
