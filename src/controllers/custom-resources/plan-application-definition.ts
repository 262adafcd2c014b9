/** The definition of Applications says what is served, whatever is stored. Pure. */
import { jsonEqual } from '../../base/json.ts';
import { applicationDefinition } from '../../schemas/applications/application-definition.ts';
import { customResourceDefinitionKind } from '../../schemas/kinds/custom-resource-definition.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import { isDeleting } from '../ownership.ts';

/** One that is being deleted is made anew once it is gone. */
export function planApplicationDefinition(current: KubeObject | undefined): readonly Write[] {
  if (!current) return [{ verb: 'create', object: applicationDefinition() }];
  const { spec } = customResourceDefinitionKind.withDefaults(applicationDefinition());
  if (isDeleting(current) || jsonEqual(current['spec'], spec)) return [];
  return [{ verb: 'update', object: { ...current, spec } }];
}
