/**
 * Kinds of the Gateway API. Everywhere else they come from CustomResourceDefinitions; here they are
 * the system's own and behave as if these had made them.
 */
import { builtinCustomKinds } from '../../custom/index.ts';
import type { StructuralSchema } from '../../custom/index.ts';
import type { ResourceKind } from '../../resource-kind.ts';
import { GROUP } from './parts.ts';
import { brokenRules, type Rule } from './rules.ts';

interface Column {
  readonly name: string;
  readonly type?: string;
  readonly jsonPath: string;
  readonly priority?: number;
}

export interface GatewayKind {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames?: readonly string[];
  readonly namespaced?: boolean;
  /** The stored one first. */
  readonly versions: readonly string[];
  readonly description: string;
  readonly spec: StructuralSchema;
  readonly status?: StructuralSchema;
  readonly columns: readonly Column[];
  readonly rules: readonly Rule[];
  readonly applyOrder: number;
  readonly defaultRoles: 'edit' | 'view';
}

export const AGE: Column = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

/** One for each version. */
export function gatewayKinds(kind: GatewayKind): readonly ResourceKind[] {
  const { spec, status, rules, description, versions, applyOrder, defaultRoles } = kind;
  const schema: StructuralSchema = {
    description,
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec,
      ...(status ? { status } : {}),
    },
  };
  const definition = {
    name: `${kind.plural}.${GROUP}`,
    group: GROUP,
    namespaced: kind.namespaced ?? true,
    names: {
      plural: kind.plural,
      singular: kind.kind.toLowerCase(),
      kind: kind.kind,
      listKind: `${kind.kind}List`,
      shortNames: kind.shortNames ?? [],
      categories: ['gateway-api'],
    },
    versions: versions.map((name, index) => ({
      name,
      served: true,
      storage: index === 0,
      schema,
      hasStatus: status !== undefined,
      scale: undefined,
      columns: kind.columns.map((column) => ({
        type: 'string',
        format: '',
        description: '',
        priority: 0,
        ...column,
      })),
      selectableFields: [],
      deprecation: undefined,
    })),
  };
  return builtinCustomKinds(definition, {
    ...(rules.length > 0 ? { rules: (object, old) => brokenRules(rules, object, old) } : {}),
    applyOrder,
    defaultRoles,
  });
}
