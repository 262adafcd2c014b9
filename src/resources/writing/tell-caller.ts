/** Tells a caller of the API about its write: warnings, and that Git will undo it. */
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceKind } from '../../schemas/resource-kind.ts';
import type { Admission } from '../admission/create-admission.ts';
import type { RequestContext } from '../types.ts';
import type { Planned } from './plan-write.ts';
import { onlyStored, warningsOf } from './warnings.ts';
import type { Write, WriteCall, WriteResults } from './write-plan.ts';

export function tellCaller(
  admission: Pick<Admission, 'removed'>,
  planned: readonly Planned[],
  results: WriteResults,
  { actor: { request: context }, dryRun = false }: WriteCall,
): void {
  if (!context) return;
  for (const [index, { write, kind, current }] of planned.entries()) {
    const object = results[index] ?? current;
    if (!object) continue;
    if (write.verb !== 'delete') warnAbout(kind, object, context, write);
    else if (write.subresource === undefined)
      admission.removed({ kind, object: dryRun ? (current ?? object) : object, context, dryRun });
  }
}

/** Our own warning comes first: clients that keep one keep the last, which is upstream's. */
function warnAbout(kind: ResourceKind, object: KubeObject, { warn }: RequestContext, write: Write): void {
  const subresource = write.verb === 'update' ? write.subresource : undefined;
  const stored = onlyStored(kind, object, subresource);
  if (stored !== undefined) warn(stored);
  if (subresource === undefined) for (const text of warningsOf(object)) warn(text);
}
