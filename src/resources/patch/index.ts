/**
 * One patch applied to one document, by its format. Pure; the result shares nothing that is
 * mutated.
 */
import { isRecord } from '../../base/json.ts';
import { badRequest, failure } from '../../schemas/errors/status.ts';
import type { ResolvedSchema, TypeSchemas } from '../decoding/type-schemas.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';

export type PatchDocumentFormat = 'json' | 'merge' | 'strategic';

export function applyPatch(
  format: PatchDocumentFormat,
  document: Record<string, unknown>,
  patch: unknown,
  schemas: TypeSchemas,
  schema: ResolvedSchema | undefined,
): Record<string, unknown> {
  const result =
    format === 'json' ? applyJsonPatch(document, patch) : mergeInto(format, document, patch, schemas, schema);
  if (!isRecord(result))
    throw failure(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
  return result;
}

function mergeInto(
  format: 'merge' | 'strategic',
  document: Record<string, unknown>,
  patch: unknown,
  schemas: TypeSchemas,
  schema: ResolvedSchema | undefined,
): unknown {
  if (!isRecord(patch)) {
    const kind = Array.isArray(patch) ? 'array' : patch === null ? 'null' : typeof patch;
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`,
    );
  }
  if (format === 'merge') return applyMergePatch(document, patch);
  if (!schema) {
    const message =
      'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml';
    throw failure(415, 'UnsupportedMediaType', message);
  }
  return applyStrategicMergePatch(document, patch, schemas, schema.schema);
}
