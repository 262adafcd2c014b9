import { describe, expect, it } from 'vitest';
import { DELETION_COST_ANNOTATION, rankForDeletion } from '../../../src/controllers/replica-set/rank-pods.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { aPod } from '../../support/builders.ts';

const NOW = Date.UTC(2026, 0, 2);
const names = (pods: readonly Pod[]): string[] => pods.map(({ metadata }) => metadata.name);
const on = (name: string, node: string, more: Parameters<typeof aPod>[0] = {}): Pod =>
  aPod({ name, node, ready: true, ...more });

describe('rankForDeletion', () => {
  it.each<[string, Pod, Pod]>([
    ['unassigned before assigned', aPod({ name: 'first' }), on('second', 'n1')],
    [
      'pending before running',
      aPod({ name: 'first', node: 'n1' }),
      on('second', 'n1', { ready: false, phase: 'Running' }),
    ],
    ['not ready before ready', on('first', 'n1', { ready: false, phase: 'Running' }), on('second', 'n1')],
    [
      'lower deletion cost before higher',
      on('first', 'n1', { annotations: { [DELETION_COST_ANNOTATION]: '-5' } }),
      on('second', 'n1'),
    ],
    [
      'shortly ready before long ready',
      on('first', 'n1', { readySince: '2026-01-01T23:59:00Z' }),
      on('second', 'n1'),
    ],
    ['more restarts before fewer', on('first', 'n1', { restarts: 3 }), on('second', 'n1')],
    [
      'younger before older',
      on('first', 'n1', { creationTimestamp: '2026-01-01T23:59:00Z' }),
      on('second', 'n1'),
    ],
  ])('puts %s', (_rule, first, second) => {
    expect(names(rankForDeletion([second, first], [], NOW))).toEqual(['first', 'second']);
  });

  it('puts pods of crowded nodes before others', () => {
    const pods = [on('alone', 'n2'), on('x', 'n1'), on('y', 'n1')];
    expect(names(rankForDeletion(pods, pods, NOW))).toEqual(['x', 'y', 'alone']);
  });

  it('ignores a deletion cost that is no integer', () => {
    const odd = on('b', 'n1', { annotations: { [DELETION_COST_ANNOTATION]: '-1e9' } });
    expect(names(rankForDeletion([odd, on('a', 'n1')], [], NOW))).toEqual(['a', 'b']);
  });
});
