import { describe, expect, it } from 'vitest';
import { decodeObject } from '../../../src/resources/decoding/decode.ts';
import { createTypeSchemas, type SchemaDocument } from '../../../src/resources/decoding/type-schemas.ts';
import { definitions } from '../../../src/schemas/generated/definitions.js';

const schemas = createTypeSchemas(definitions as SchemaDocument);

function typeError(kind: string, object: Record<string, unknown>, group = ''): string | undefined {
  const schema = schemas.ofKind(group, 'v1', kind);
  if (!schema) throw new Error(`No schema for ${kind}`);
  return decodeObject(schemas, schema, object).typeError;
}

const FORMAT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

describe('what cannot be decoded', () => {
  const cpu = (value: unknown) => ({ spec: { containers: [{ resources: { limits: { cpu: value } } }] } });
  const surge = (maxSurge: unknown) => ({ spec: { strategy: { rollingUpdate: { maxSurge } } } });
  const SURGE =
    'into Go struct field RollingUpdateDeployment.spec.strategy.rollingUpdate.maxSurge of type int32';

  it.each([
    ['abc', FORMAT],
    ['', FORMAT],
    ['1 Gi', FORMAT],
    ['1K', "unable to parse quantity's suffix"],
    [true, FORMAT],
    [{}, FORMAT],
    ['1.5', undefined],
    [2, undefined],
    [null, undefined],
  ])('a quantity of %j', (value, expected) => {
    expect(typeError('Pod', cpu(value))).toBe(expected);
  });

  it.each([
    [2_147_483_648, `json: cannot unmarshal number 2147483648 ${SURGE}`],
    [true, `json: cannot unmarshal bool ${SURGE}`],
    ['50%', undefined],
    [-1, undefined],
  ])('a number or percentage of %j', (value, expected) => {
    expect(typeError('Deployment', surge(value), 'apps')).toBe(expected);
  });

  it('is not a null in a resource list, which is 0', () => {
    const schema = schemas.ofKind('', 'v1', 'Pod');
    if (!schema) throw new Error('No schema for Pod');
    expect(decodeObject(schemas, schema, cpu(null)).value).toEqual(cpu('0'));
  });

  it('is decoded where only its meaning is wrong', () => {
    for (const data of ['x', 1, [], true])
      expect(typeError('ControllerRevision', { data }, 'apps')).toBeUndefined();
  });
});
