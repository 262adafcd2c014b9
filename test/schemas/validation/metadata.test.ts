import { describe, expect, it } from 'vitest';
import { anObject, complaints, type Fields, updateComplaints } from './complaints.ts';

const configMap = (metadata: Fields) => anObject('v1', 'ConfigMap', { metadata });
const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'u' };
const OWNERS = 'Invalid metadata.ownerReferences';

describe('metadata of every kind', () => {
  it.each<[string, Fields, readonly string[]]>([
    ['an owner', { ownerReferences: [owner] }, []],
    [
      'a version of two slashes',
      { ownerReferences: [{ ...owner, apiVersion: 'a/b/c' }] },
      [`${OWNERS}.apiVersion`],
    ],
    [
      'a group without a version',
      { ownerReferences: [{ ...owner, apiVersion: 'apps/' }] },
      [`${OWNERS}.apiVersion`],
    ],
    [
      'an owner without kind and uid',
      { ownerReferences: [{ apiVersion: 'v1', name: 'r' }] },
      [`${OWNERS}.kind`, `${OWNERS}.uid`],
    ],
    [
      'an Event as owner',
      { ownerReferences: [{ ...owner, apiVersion: 'events.k8s.io/v1', kind: 'Event' }] },
      [OWNERS],
    ],
    [
      'two controllers',
      {
        ownerReferences: [
          { ...owner, controller: true },
          { ...owner, uid: 'v', controller: true },
        ],
      },
      [OWNERS],
    ],
    ['a finalizer that is no name', { finalizers: ['a/b/c'] }, ['Invalid metadata.finalizers']],
    ['a finalizer without a domain', { finalizers: ['a.b/c', 'x'] }, ['Invalid metadata.finalizers[1]']],
    [
      'both finalizers of the collector',
      { finalizers: ['orphan', 'foregroundDeletion'] },
      ['Invalid metadata.finalizers'],
    ],
    [
      'a record of another operation',
      { managedFields: [{ operation: 'Patch' }] },
      ['Invalid metadata.managedFields[0].operation'],
    ],
    [
      'a record in another format',
      { managedFields: [{ operation: 'Apply', fieldsType: 'V2' }] },
      ['Invalid metadata.managedFields[0].fieldsType'],
    ],
    [
      'a manager that is too long',
      { managedFields: [{ operation: 'Apply', manager: 'é'.repeat(65) }] },
      ['TooLong metadata.managedFields[0].manager'],
    ],
    [
      'a manager with an escape',
      { managedFields: [{ operation: 'Apply', manager: 'a\u001b' }] },
      ['Invalid metadata.managedFields[0].manager'],
    ],
    [
      'a subresource that is too long',
      { managedFields: [{ operation: 'Apply', subresource: 's'.repeat(257) }] },
      ['TooLong metadata.managedFields[0].subresource'],
    ],
    ['the entry that clears the record', { managedFields: [{}] }, []],
    ['a generation below 0', { generation: -1 }, ['Invalid metadata.generation']],
    [
      'annotations beyond 256 KiB',
      { annotations: { k: 'x'.repeat(262_144) } },
      ['TooLong metadata.annotations'],
    ],
  ])('%s', (_, metadata, expected) => {
    expect(complaints(configMap(metadata))).toEqual(expected);
  });

  it('a kind that counts generations ignores the one it is sent', () => {
    const template = { spec: { containers: [{ name: 'c', image: 'i' }] } };
    expect(complaints(anObject('v1', 'PodTemplate', { metadata: { generation: -1 }, template }))).toEqual([]);
  });

  it('kinds that upstream checks as custom resources take finalizers without a domain', () => {
    const metadata = { name: 'Any.Name', finalizers: ['resources-finalizer.argocd.argoproj.io', 'x'] };
    expect(complaints(anObject('policy/v1', 'PodDisruptionBudget', { metadata, spec: {} }))).toEqual([]);
    const named = { finalizers: ['resources-finalizer.argocd.argoproj.io'] };
    const spec = { project: 'default', destination: {}, source: { repoURL: 'https://x/y', path: '.' } };
    expect(
      complaints(anObject('argoproj.io/v1alpha1', 'Application', { metadata: named, spec })),
    ).not.toContain('Invalid metadata.finalizers[0]');
  });

  it('a namespace says whose finalizers are wrong by where they are written', () => {
    const old = anObject('v1', 'Namespace', { metadata: { namespace: undefined } });
    const next = { ...old, spec: { finalizers: ['kubernetes', 'x'] } };
    expect(complaints(next)).toEqual(['Invalid spec.finalizers']);
    expect(updateComplaints(old, next, 'finalize')).toEqual(['Invalid spec.finalizers[1]']);
    const status = (phase: string) => ({ ...old, status: { phase } });
    expect(updateComplaints(old, status('Active'), 'status')).toEqual([]);
    expect(updateComplaints(old, status('Terminating'), 'status')).toEqual(['Invalid status.Phase']);
  });
});
