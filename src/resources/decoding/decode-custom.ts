/**
 * Custom resources have no typed decoder: metadata is read as everywhere, fields that the schema
 * does not name are taken out, and types are left to validation, which answers with 422 and says
 * every mistake.
 */
import { isRecord } from '../../base/json.ts';
import { prune } from '../../schemas/custom/index.ts';
import type { ResourceKind } from '../../schemas/resource-kind.ts';
import type { ResolvedSchema, TypeSchemas } from './type-schemas.ts';
import { checkCounts } from './body-limits.ts';
import { decodeObject, type Decoded, goKind } from './decode.ts';

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/**
 * As {@link decodeObject}, for whatever kind; without one, or with a kind of the recorded schemas,
 * exactly that.
 */
export function decodeAs(
  kind: ResourceKind | undefined,
  schemas: TypeSchemas,
  schema: ResolvedSchema,
  input: Record<string, unknown>,
): Decoded {
  checkCounts(input);
  if (!kind?.custom) return decodeObject(schemas, schema, input);
  const { value, unknownFields } = prune(kind.custom.schema, input);
  const meta = schemas.document[OBJECT_META];
  const { metadata } = value;
  if (!meta || !isRecord(metadata)) {
    const isWrong = metadata !== undefined && metadata !== null;
    const wrong = `json: cannot unmarshal ${goKind(metadata)} into Go value of type v1.ObjectMeta`;
    return { value, unknownFields, typeError: isWrong ? wrong : undefined };
  }
  const decoded = decodeObject(schemas, { name: OBJECT_META, schema: meta }, metadata);
  return {
    value: { ...value, metadata: decoded.value },
    unknownFields: [...decoded.unknownFields.map((field) => `metadata.${field}`), ...unknownFields],
    typeError: decoded.typeError,
  };
}
