/** Writes that the author of an Application may not make. One of them stops the whole commit. */
import { hookTypesOf } from '../../diff/annotations.ts';
import type { Change } from '../../diff/change-set.ts';
import type { DesiredObject } from '../../diff/desired-set.ts';
import { keyOf } from '../../schemas/object.ts';
import { resourceIdOf } from '../../schemas/resource-kind.ts';
import type { BoundWriter, Write } from '../../resources/writing/write-plan.ts';
import { toWrite } from '../execute/apply-changes.ts';
import type { ManagedResources } from './managed-resources.ts';

/** `shop/web.yaml:3: Deployment "shop/web": why`, one for each write that would be refused. */
export async function deniedWrites(
  { refusals }: Pick<BoundWriter, 'refusals'>,
  changes: readonly Change[],
  hooks: readonly DesiredObject[],
  managed: Pick<ManagedResources, 'live'>,
): Promise<readonly string[]> {
  const writes = changes.filter(({ action }) => action !== 'noop');
  const asked = [
    ...writes.map((change) => [described(change), toWrite(change)] as const),
    ...hooks.filter(runs).flatMap((hook) => hookWrites(hook, managed)),
  ];
  const whys = await refusals(asked.map(([, write]) => write));
  return asked.flatMap(([what], index) => (whys[index] === undefined ? [] : [`${what}: ${whys[index]}`]));
}

const runs = ({ object }: DesiredObject): boolean => hookTypesOf(object).some((type) => type !== 'Skip');

/** The object of an earlier run goes before the new one is made. */
function hookWrites(
  { kind, object, origin }: DesiredObject,
  managed: Pick<ManagedResources, 'live'>,
): readonly (readonly [string, Write])[] {
  const key = keyOf(object);
  const what = described({ kind, key, origin });
  const live = managed.live(resourceIdOf(kind), key);
  return [
    ...(live ? [[what, { verb: 'delete', object: live }] as const] : []),
    [what, { verb: 'create', object }],
  ];
}

function described({ kind, key, origin }: Pick<Change, 'kind' | 'key' | 'origin'>): string {
  const what = `${kind.kind} "${key}"`;
  return origin === undefined ? what : `${origin}: ${what}`;
}
