/**
 * The definition of Applications is the system's. Argo CD's installation manifests bring one of
 * their own: such a write is accepted, with a warning, and leaves the spec as it is. A request
 * cannot delete it.
 */
import { jsonEqual } from '../../base/json.ts';
import {
  APPLICATION_DEFINITION,
  applicationDefinition,
  isApplicationDefinition,
} from '../../schemas/applications/application-definition.ts';
import { DEFINITION_RESOURCE } from '../../schemas/custom/index.ts';
import { resourceIdOf } from '../../schemas/resource-kind.ts';
import { deny } from '../refusals.ts';
import type { AdmissionRule } from './types.ts';

const SERVED = `Symphony serves ${APPLICATION_DEFINITION} itself`;

export const ownDefinition: AdmissionRule = {
  name: 'OwnDefinition',
  applies: ({ object, subresource }) => subresource === undefined && isApplicationDefinition(object),
  admit({ kind, object, context }) {
    const { spec } = kind.withDefaults(applicationDefinition());
    if (!jsonEqual(kind.withDefaults(object)['spec'], spec))
      context.warn(`${SERVED}: the spec of this definition is left as it is`);
    return Promise.resolve({ ...object, spec });
  },
  mayRemove({ kind, object }) {
    if (resourceIdOf(kind) !== DEFINITION_RESOURCE || object.metadata.name !== APPLICATION_DEFINITION) return;
    throw deny(kind, object, `${SERVED}: its definition cannot be deleted`);
  },
};
