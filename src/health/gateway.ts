/** Gateways and their routes, by the conditions that their controller reports. As Argo CD. */
import type { KubeObject } from '../schemas/object.ts';
import { conditionOf, numberAt, recordAt, recordsAt, textAt } from './fields.ts';
import { degraded, type Health, healthy, progressing } from './types.ts';

/** The complaint of the conditions of one place; undefined where there is none. */
function trouble(place: unknown, prefix: string, kind: string): Health | undefined {
  for (const type of ['ResolvedRefs', 'Accepted']) {
    const condition = conditionOf(place, type);
    if (textAt(condition, 'status') === 'False')
      return degraded(prefix + (textAt(condition, 'message') || `Failed condition: ${type}`));
  }
  const programmed = conditionOf(place, 'Programmed');
  if (!programmed || textAt(programmed, 'status') === 'True') return undefined;
  return progressing(prefix + (textAt(programmed, 'message') || `${kind} is still being programmed`));
}

export function assessGateway({ status }: KubeObject): Health {
  const listeners = recordsAt(status, 'listeners');
  if (recordsAt(status, 'conditions').length + listeners.length === 0)
    return progressing('Waiting for Gateway status');
  const own = trouble(status, '', 'Gateway');
  if (own) return own;
  for (const listener of listeners) {
    const found = trouble(listener, 'Listener: ', 'Listener');
    if (found) return found;
  }
  return healthy;
}

/** A parent whose conditions are about an older generation says nothing yet. */
export function assessRoute({ kind, metadata, status }: KubeObject): Health {
  const { generation } = metadata;
  const parents = recordsAt(status, 'parents').filter((parent) => {
    const conditions = recordsAt(parent, 'conditions');
    if (generation === undefined) return conditions.length > 0;
    return conditions.some((condition) => numberAt(condition, 'observedGeneration', -1) === generation);
  });
  for (const parent of parents) {
    const name = textAt(recordAt(parent, 'parentRef'), 'name');
    const found = trouble(parent, `Parent ${name}: `, 'Route');
    if (found) return found;
  }
  return parents.length > 0 ? healthy : progressing(`Waiting for ${kind} status`);
}
