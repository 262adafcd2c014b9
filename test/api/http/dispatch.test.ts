/** The table of handlers and what discovery announces are the same list. */
import { describe, expect, it } from 'vitest';
import { apiResourceList, groupsOf } from '../../../src/api/http/discovery.ts';
import { createDispatchTable, type DispatchOptions } from '../../../src/api/http/dispatch.ts';
import {
  COLLECTION_METHODS,
  OBJECT_METHODS,
  OWN_METHODS,
  SUBRESOURCES,
} from '../../../src/api/http/methods.ts';
import { builtInResources } from '../../../src/api/virtual/built-in.ts';
import type { Subresource } from '../../../src/schemas/resource-kind.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';

const table = createDispatchTable({} as DispatchOptions);
const virtual = builtInResources({ core: { registry: builtinRegistry } } as Parameters<
  typeof builtInResources
>[0]);
const served = [...builtinRegistry.kinds, ...virtual];
const isVirtual = new Set(virtual.map(({ group, plural }) => `${group}/${plural}`));

/** `[group/]plural[/subresource]` and its verbs, as discovery lists them. */
const announced = groupsOf(served).flatMap(({ group, versions }) =>
  versions.flatMap((version) => {
    const list = apiResourceList(served, group, version) as {
      readonly resources: readonly { readonly name: string; readonly verbs: readonly string[] }[];
    };
    return list.resources.map((resource) => ({ ...resource, group }));
  }),
);

/**
 * Methods that mean the verb in discovery, where exec and its like are authorised as something
 * else.
 */
const METHODS: Readonly<Record<string, string>> = {
  get: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
};

describe('every verb that discovery announces has a handler', () => {
  it.each(announced)('$group/$name: $verbs', ({ group, name, verbs }) => {
    const [plural = '', subresource] = name.split('/');
    for (const verb of verbs) {
      if (isVirtual.has(`${group}/${plural}`))
        expect(table.virtual[verb as keyof typeof table.virtual]).toBeTypeOf('function');
      else if (subresource === undefined)
        expect(table.stored.object[verb as keyof typeof table.stored.object]).toBeTypeOf('function');
      else {
        const { methods } = SUBRESOURCES[subresource as Subresource];
        const meant = methods[METHODS[verb] ?? ''];
        expect(meant && table.stored[subresource as Subresource][meant]).toBeTypeOf('function');
      }
    }
  });
});

describe('every handler is announced, and reached by a method', () => {
  const names = new Set(announced.map(({ name }) => name.split('/')[1] ?? 'object'));
  it.each(Object.entries(table.stored))('%s', (target, handlers) => {
    expect(names).toContain(target);
    const verbs =
      target === 'object'
        ? [...Object.values(OBJECT_METHODS), ...Object.values(COLLECTION_METHODS), 'watch']
        : Object.values(SUBRESOURCES[target as Subresource].methods);
    expect(new Set(Object.keys(handlers))).toEqual(new Set(verbs));
  });

  it('of symphony.dev, as an answer or as an upgrade', () => {
    for (const [resource, methods] of Object.entries(OWN_METHODS)) {
      const key = resource as keyof typeof OWN_METHODS;
      const handled = [...Object.keys(table.own[key]), ...Object.keys(table.ownUpgrades[key] ?? {})];
      expect(new Set(handled)).toEqual(new Set(Object.values(methods)));
    }
  });

  it('as an upgrade only where the verb exists', () => {
    for (const [target, handlers] of Object.entries(table.upgrades))
      expect(Object.keys(table.stored[target as Subresource])).toEqual(
        expect.arrayContaining(Object.keys(handlers)),
      );
  });
});
