/**
 * Requests to `…/NAME/scale`: the Scale of an object, and changes of it as writes of the object
 * itself.
 */
import type { KubeObject } from '../../schemas/object.ts';
import { checkPlace, takeTyped } from '../decoding/intake.ts';
import type { TypeSchemas } from '../decoding/type-schemas.ts';
import { applyPatch } from '../patch/index.ts';
import type { Snapshots } from '../reading/snapshots.ts';
import { readObject } from '../reading/reads.ts';
import { resourceNotFound } from '../refusals.ts';
import type { ObjectRef, PatchInput, RequestContext, WriteOptions } from '../types.ts';
import { named, writeOne } from '../writing/requests.ts';
import type { UpdateWrite } from '../writing/write-plan.ts';
import type { Writer } from '../writing/writer.ts';
import { SCALE_TYPE, scaleOf, type ScalePaths, withScale } from './scale.ts';

export interface ScaleRequests {
  getScale(ref: ObjectRef): Promise<KubeObject>;
  updateScale(
    ref: ObjectRef,
    body: unknown,
    options: WriteOptions,
    context: RequestContext,
  ): Promise<KubeObject>;
  patchScale(
    ref: ObjectRef,
    patch: PatchInput,
    options: WriteOptions,
    context: RequestContext,
  ): Promise<KubeObject>;
}

export function createScaleRequests(
  writer: Writer,
  schemas: TypeSchemas,
  snapshots: Snapshots,
): ScaleRequests {
  const schema = schemas.ofKind('autoscaling', 'v1', 'Scale');

  async function scale(
    ref: ObjectRef,
    asked: (current: KubeObject) => KubeObject,
    expected: string | undefined,
    { fieldManager, dryRun }: WriteOptions,
    context: RequestContext,
  ): Promise<KubeObject> {
    const paths = scalePaths(ref);
    const { metadata, ...type } = named(ref);
    const write: UpdateWrite = {
      verb: 'update',
      object: { ...type, metadata: { ...metadata, ...(expected ? { resourceVersion: expected } : {}) } },
      change: (current) => withScale(paths, current, asked(current)),
      owner: fieldManager === undefined ? undefined : { manager: fieldManager, subresource: 'scale' },
    };
    return scaleOf(paths, await writeOne(writer, write, dryRun, context));
  }

  return {
    getScale: async (ref) => scaleOf(scalePaths(ref), await readObject(snapshots, ref)),
    async updateScale(ref, body, options, context) {
      scalePaths(ref);
      const { fieldValidation } = options;
      const wanted = takeTyped(schemas, schema, body, SCALE_TYPE, { fieldValidation, context });
      checkPlace(wanted, ref);
      return scale(ref, () => wanted, wanted.metadata.resourceVersion, options, context);
    },
    async patchScale(ref, patch, options, context) {
      const paths = scalePaths(ref);
      const { fieldValidation } = options;
      const format = patch.format === 'apply' ? 'merge' : patch.format;
      const patched = (current: KubeObject): KubeObject => {
        const value = applyPatch(format, scaleOf(paths, current), patch.body, schemas, schema);
        return takeTyped(schemas, schema, value, SCALE_TYPE, { fieldValidation, context });
      };
      return scale(ref, patched, undefined, options, context);
    },
  };
}

function scalePaths({ kind }: ObjectRef): ScalePaths {
  if (!kind.scale) throw resourceNotFound();
  return kind.scale;
}
