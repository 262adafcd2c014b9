/** Renders are known by the ids of their inputs. Pure. */
import { createHash } from 'node:crypto';
import type { Render, RenderInputs } from './types.ts';

/** The key of a set of inputs. An id tells a path and its contents, as Git's ids do. */
export function keyOfIds(ids: readonly string[]): string {
  const hash = createHash('sha256');
  for (const id of [...ids].sort()) hash.update(`${id}\0`);
  return hash.digest('hex');
}

/** Whether a render still holds as far as the cluster's kinds go. */
export function isCurrent(render: Render, kindsVersion: number): boolean {
  return render.kindsVersion === undefined || render.kindsVersion === kindsVersion;
}

export const isMadeFrom = (
  render: Render | undefined,
  renderer: string,
  inputs: RenderInputs,
): render is Render => render?.renderer === renderer && render.inputs.key === inputs.key;
