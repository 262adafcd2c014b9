/**
 * Replaying recorded facts: what differs from run to run is set to what the recording has in its
 * place.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { load, YAML11_SCHEMA } from 'js-yaml';
import { jsonClone } from '../../src/base/json.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { builtinRegistry } from '../../src/schemas/registry.ts';
import type { ResourceKind } from '../../src/schemas/resource-kind.ts';

const root = new URL('../fixtures/facts/', import.meta.url);

export function casesOf(section: string): readonly string[] {
  return readdirSync(new URL(`${section}/`, root)).sort();
}

export function readFact<T>(path: string): T {
  const text = readFileSync(fileURLToPath(new URL(path, root)), 'utf8');
  return (path.endsWith('.yaml') ? load(text, { schema: YAML11_SCHEMA }) : JSON.parse(text)) as T;
}

export function kindOf(object: KubeObject): ResourceKind {
  const kind = builtinRegistry.byKind(object.apiVersion, object.kind);
  if (!kind) throw new Error(`No kind "${object.apiVersion}" "${object.kind}"`);
  return kind;
}

/** The namespace comes from the URL of a request. */
export function inTestNamespace(object: KubeObject): KubeObject {
  const kind = kindOf(object);
  if (!kind.namespaced) return object;
  return { ...object, metadata: { ...object.metadata, namespace: 'testns' } };
}

export const createContext = {
  nowMs: Date.parse('2024-01-02T03:04:05Z'),
  uid: '11111111-2222-4333-8444-555555555555',
  nameSuffix: 'x2x2x',
} as const;

/** The text of a recording with our values in place of its placeholders. */
export function fillPlaceholders<T>(fact: T): T {
  const text = JSON.stringify(fact)
    .replaceAll('<time>', '2024-01-02T03:04:05Z')
    .replaceAll(/<uid-\d+>/g, createContext.uid)
    .replaceAll(/<suffix(-\d+)?>/g, createContext.nameSuffix);
  return jsonClone(JSON.parse(text) as T);
}
