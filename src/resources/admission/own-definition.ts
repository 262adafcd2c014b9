/**
 * The definition of Applications is the system's. Argo CD's installation manifests bring one of
 * their own: such a write is accepted, with a warning, and leaves the spec as it is. A request
 * cannot delete it. Definitions of other kinds of the system are kept and change nothing.
 */
import { jsonEqual } from '../../base/json.ts';
import {
  APPLICATION_DEFINITION,
  applicationDefinition,
  isApplicationDefinition,
} from '../../schemas/applications/application-definition.ts';
import { DEFINITION_RESOURCE, isDefinition } from '../../schemas/custom/index.ts';
import { builtinRegistry } from '../../schemas/registry.ts';
import { resourceIdOf } from '../../schemas/resource-kind.ts';
import { deny } from '../refusals.ts';
import type { AdmissionRule } from './types.ts';

const served = (name: string): string => `Symphony serves ${name} itself`;
const SERVED = served(APPLICATION_DEFINITION);

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

/** The bundle of the Gateway API, for instance: a cluster elsewhere needs it. */
export const servedDefinition: AdmissionRule = {
  name: 'ServedDefinition',
  applies: ({ object, subresource }) =>
    subresource === undefined &&
    isDefinition(object) &&
    !isApplicationDefinition(object) &&
    builtinRegistry.byId(object.metadata.name) !== undefined,
  admit({ object, context }) {
    context.warn(`${served(object.metadata.name)}: this definition changes nothing`);
    return Promise.resolve(object);
  },
};
