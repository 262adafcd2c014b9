/** Custom resources and their definitions, by the conditions that most operators agree on. */
import type { KubeObject } from '../schemas/object.ts';
import { conditionOf, numberAt, textAt } from './fields.ts';
import { degraded, type Health, healthy, progressing } from './types.ts';

const stateOf = (status: unknown, type: string): string => textAt(conditionOf(status, type), 'status');

function messageOf(status: unknown, type: string): string {
  const condition = conditionOf(status, type);
  return textAt(condition, 'message') || textAt(condition, 'reason');
}

export function assessCustomResource(object: KubeObject): Health {
  const { status, metadata } = object;
  if (stateOf(status, 'Stalled') === 'True') return degraded(messageOf(status, 'Stalled'));
  if (stateOf(status, 'Reconciling') === 'True') return progressing(messageOf(status, 'Reconciling'));
  const observed = numberAt(status, 'observedGeneration', metadata.generation ?? 0);
  if (observed < (metadata.generation ?? 0))
    return progressing('Waiting for the latest generation to be observed');
  switch (stateOf(status, 'Ready')) {
    case 'False':
      return degraded(messageOf(status, 'Ready'));
    case 'Unknown':
      return progressing(messageOf(status, 'Ready'));
    default:
      return healthy;
  }
}

export function assessDefinition({ status }: KubeObject): Health {
  if (stateOf(status, 'NamesAccepted') === 'False') return degraded(messageOf(status, 'NamesAccepted'));
  if (stateOf(status, 'Established') === 'True') return healthy;
  return progressing('Waiting to be established');
}
