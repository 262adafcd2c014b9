import { describe, expect, it } from 'vitest';
import { anObject, complaints, type Fields, updateComplaints } from './complaints.ts';

const limit = (type: string, member: Fields = {}): Fields => ({ spec: { limits: [{ type, ...member }] } });
const at = (field: string): string => `spec.limits[0].${field}`;

describe('LimitRange', () => {
  it.each<readonly [Fields, readonly string[]]>([
    [{}, []],
    [{ spec: {} }, []],
    [limit('a.b/c'), []],
    [limit('x'), [`Invalid ${at('type')}`]],
    [limit('Container', { min: { cpu: '-1' } }), []],
    [
      limit('Container', { min: { storage: '1' } }),
      [`Invalid ${at('min[storage]')}`, `Invalid ${at('defaultRequest[storage]')}`],
    ],
    [limit('Pod', { default: { cpu: '1' } }), [`Forbidden ${at('default')}`]],
    [limit('Pod', { min: { cpu: '2' }, max: { cpu: '1' } }), [`Invalid ${at('min[cpu]')}`]],
    [limit('Pod', { maxLimitRequestRatio: { cpu: '0.5' } }), [`Invalid ${at('maxLimitRequestRatio[cpu]')}`]],
    [
      limit('Pod', { maxLimitRequestRatio: { cpu: '3' }, min: { cpu: '1' }, max: { cpu: '2' } }),
      [`Invalid ${at('maxLimitRequestRatio[cpu]')}`],
    ],
    [limit('Pod', { maxLimitRequestRatio: { cpu: '2' }, min: { cpu: '1' }, max: { cpu: '2' } }), []],
    [limit('PersistentVolumeClaim'), [`Required ${at('limits')}`]],
    [limit('PersistentVolumeClaim', { max: { storage: '1Gi' } }), []],
    [
      limit('Container', { default: { 'a.b/c': '2' }, defaultRequest: { 'a.b/c': '1' } }),
      [`Invalid ${at('defaultRequest[a.b/c]')}`],
    ],
    // The decoder of the API refuses it before; a repository has none.
    [limit('Pod', { max: { cpu: 'x' } }), [`Invalid ${at('max[cpu]')}`]],
    [{ spec: { limits: [{ type: 'Pod' }, { type: 'Pod' }] } }, ['Duplicate spec.limits[1].type']],
  ])('%j', (members, expected) => {
    expect(complaints(anObject('v1', 'LimitRange', members))).toEqual(expected);
  });
});

describe('ResourceQuota', () => {
  const selector = (expression: Fields): Fields => ({
    spec: { scopeSelector: { matchExpressions: [expression] } },
  });
  const SELECTOR = 'spec.scopeSelector.matchExpressions';
  it.each<readonly [Fields, readonly string[]]>([
    [{ spec: { hard: { 'requests.hugepages-2Mi': '1', 'count/x': '2', pods: '3' } } }, []],
    [{ spec: { hard: { storage: '1' } } }, ['Invalid spec.hard[storage]']],
    [{ spec: { hard: { services: '1.5' } } }, ['Invalid spec.hard[services]']],
    [{ spec: { scopes: ['x'] } }, ['Invalid spec.scopes']],
    [{ spec: { scopes: ['Terminating', 'NotTerminating'] } }, ['Invalid spec.scopes']],
    [{ spec: { scopes: ['BestEffort'], hard: { cpu: '1' } } }, ['Invalid spec.scopes']],
    [{ spec: { scopes: ['VolumeAttributesClass'], hard: { persistentvolumeclaims: '1' } } }, []],
    [{ spec: { scopes: ['Terminating'], hard: { 'count/x': '1', pods: '1' } } }, []],
    [selector({ scopeName: 'PriorityClass', operator: 'In', values: ['a'] }), []],
    [selector({ scopeName: 'PriorityClass', operator: 'In' }), [`Required ${SELECTOR}.values`]],
    [
      selector({ scopeName: 'PriorityClass', operator: 'Exists', values: ['a'] }),
      [`Invalid ${SELECTOR}.values`],
    ],
    [selector({ scopeName: 'BestEffort', operator: 'In', values: ['a'] }), [`Invalid ${SELECTOR}.operator`]],
    [
      selector({ scopeName: 'x', operator: 'y' }),
      [`Invalid ${SELECTOR}.scopeName`, `Invalid ${SELECTOR}.operator`],
    ],
  ])('%j', (members, expected) => {
    expect(complaints(anObject('v1', 'ResourceQuota', members))).toEqual(expected);
  });

  it('keeps its scopes, and counts what there is', () => {
    const old = anObject('v1', 'ResourceQuota', { spec: { scopes: ['Terminating'] } });
    const next = { ...old, spec: { scopes: ['NotTerminating'] } };
    expect(updateComplaints(old, next)).toEqual(['Invalid spec.scopes']);
    const status = { hard: { x: '1' }, used: { pods: '-1' } };
    expect(updateComplaints(old, { ...old, status }, 'status')).toEqual([
      'Invalid status.hard[x]',
      'Invalid status.used[pods]',
    ]);
  });
});
