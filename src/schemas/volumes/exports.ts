/** Directories on exports. Several volumes may be in one, or in one below another. */
import type { PersistentVolume } from '../types.ts';

type Export = NonNullable<PersistentVolume['spec']['nfs']>;

/** Whether the removal of `outer` also removes `inner`. */
export const isWithin = (inner: Export | undefined, outer: Export | undefined): boolean =>
  inner !== undefined && inner.server === outer?.server && `${inner.path}/`.startsWith(`${outer.path}/`);
