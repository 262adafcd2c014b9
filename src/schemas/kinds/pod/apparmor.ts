/**
 * AppArmor profiles that a new pod names by the annotations that came before the field (KEP-24).
 * The field is what counts from then on: it keeps its value, and validation refuses an annotation
 * that is no profile.
 */
import { isRecord, jsonEqual } from '../../../base/json.ts';
import { asRecord, asString, type Fields } from '../../json-access.ts';
import { APPARMOR, LOCALHOST } from '../../validation/pod-annotations.ts';
import { validateAppArmor } from '../../validation/security-context.ts';

/** The spec with the profiles of the annotations; the same object where there are none. */
export function withAppArmorOf(annotations: Fields, spec: Fields): Fields {
  const isMeant = Object.keys(annotations).some((key) => key.startsWith(APPARMOR));
  if (!isMeant || asRecord(spec['os'])['name'] === 'windows') return spec;
  const podProfile = asRecord(spec['securityContext'])['appArmorProfile'];
  const complete = (container: unknown): unknown => {
    if (!isRecord(container)) return container;
    const context = asRecord(container['securityContext']);
    const profile = profileOf(annotations[APPARMOR + asString(container['name'])]);
    if (!profile || isRecord(context['appArmorProfile']) || jsonEqual(profile, podProfile)) return container;
    return { ...container, securityContext: { ...context, appArmorProfile: profile } };
  };
  const lists = ['containers', 'initContainers'].filter((list) => Array.isArray(spec[list]));
  return {
    ...spec,
    ...Object.fromEntries(lists.map((list) => [list, (spec[list] as unknown[]).map(complete)])),
  };
}

function profileOf(annotation: unknown): Fields | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  if (typeof annotation !== 'string' || !annotation.startsWith(LOCALHOST)) return undefined;
  const profile = { type: 'Localhost', localhostProfile: annotation.slice(LOCALHOST.length) };
  return validateAppArmor(profile, '').length === 0 ? profile : undefined;
}
