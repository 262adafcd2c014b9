/** Tells a caller of the API about its write: warnings, and that Git will undo it. */
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceKind, Subresource } from '../../schemas/resource-kind.ts';
import type { Admission } from '../admission/create-admission.ts';
import type { RequestContext } from '../types.ts';
import type { Planned } from './plan-write.ts';
import { onlyStored, warningsOf } from './warnings.ts';
import { subresourceOf, type WriteCall, type WriteResults } from './write-plan.ts';

export function tellCaller(
  admission: Pick<Admission, 'done'>,
  planned: readonly Planned[],
  results: WriteResults,
  { actor: { request: context }, dryRun = false }: WriteCall,
): void {
  if (!context) return;
  for (const [index, { write, kind, current }] of planned.entries()) {
    const next = write.verb === 'delete' ? undefined : results[index];
    const subresource = subresourceOf(write);
    const isMain = subresource === undefined || subresource === 'scale';
    if (current && isMain) admission.done({ kind, object: current, next, context, dryRun });
    if (next) warnAbout(kind, next, context, subresource);
  }
}

/** Our own warning comes first: clients that keep one keep the last, which is upstream's. */
function warnAbout(
  kind: ResourceKind,
  object: KubeObject,
  { warn }: RequestContext,
  subresource: Subresource | undefined,
): void {
  const stored = onlyStored(kind, object, subresource);
  if (stored !== undefined) warn(stored);
  if (subresource === undefined) for (const text of warningsOf(kind, object)) warn(text);
}
