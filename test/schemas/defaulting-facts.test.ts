import { describe, expect, it } from 'vitest';
import { isRecord, jsonEqual } from '../../src/base/json.ts';
import { omit } from '../../src/schemas/json-access.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { prepareCreate, prepareUpdate } from '../../src/schemas/strategy/index.ts';
import { deepFreeze } from '../support/deep-freeze.ts';
import { casesOf, createContext, fillPlaceholders, inTestNamespace, kindOf, readFact } from './facts.ts';

/**
 * Differences on purpose, for all cases: the server's resourceVersion and managedFields are the
 * store's business, addresses and node ports of Services are allocated by the API server, and the
 * volume with the account's token is added by its admission.
 */
function withoutServerFields(object: KubeObject): KubeObject {
  const metadata = omit(object.metadata, 'resourceVersion', 'managedFields');
  const result: KubeObject = { ...object, metadata };
  if (object.kind === 'Pod') dropTokenVolume(result['spec']);
  if (object.kind === 'Service') dropAllocations(result['spec']);
  return result;
}

const isTokenVolume = (item: unknown): boolean =>
  isRecord(item) && String(item['name']).startsWith('kube-api-access-');

function dropTokenVolume(spec: unknown): void {
  if (!isRecord(spec)) return;
  const filter = (owner: Record<string, unknown>, list: string): void => {
    if (!Array.isArray(owner[list])) return;
    const kept = owner[list].filter((item) => !isTokenVolume(item));
    if (kept.length > 0) owner[list] = kept;
    else delete owner[list];
  };
  filter(spec, 'volumes');
  for (const list of ['containers', 'initContainers']) {
    for (const container of (spec[list] ?? []) as Record<string, unknown>[])
      filter(container, 'volumeMounts');
  }
}

function dropAllocations(spec: unknown): void {
  if (!isRecord(spec)) return;
  for (const field of ['clusterIP', 'clusterIPs', 'healthCheckNodePort']) {
    if (JSON.stringify(spec[field] ?? '').includes('<')) delete spec[field];
  }
  for (const port of (spec['ports'] ?? []) as Record<string, unknown>[]) {
    if (String(port['nodePort']).startsWith('<')) delete port['nodePort'];
  }
}

describe('defaults are those of Kubernetes 1.36', () => {
  for (const name of casesOf('api/defaulting')) {
    it(name, () => {
      const input = deepFreeze(inTestNamespace(readFact<KubeObject>(`api/defaulting/${name}/input.yaml`)));
      const expected = withoutServerFields(
        fillPlaceholders(readFact<KubeObject>(`api/defaulting/${name}/stored.json`)),
      );
      const kind = kindOf(input);
      expect(kind.checkStructure(input)).toEqual([]);
      const stored = deepFreeze(prepareCreate(kind, input, createContext));
      expect(stored).toEqual(expected);
      expect(jsonEqual(kind.withDefaults(stored), stored)).toBe(true);
      expect(kind.validate(stored)).toEqual([]);
      expect(prepareUpdate(kind, stored, stored, { nowMs: 0 })).toBe(stored);
      expect(kind.validateUpdate(stored, stored)).toEqual([]);
    });
  }
});
