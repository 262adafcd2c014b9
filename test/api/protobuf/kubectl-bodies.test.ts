import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeObject, encodeObject } from '../../../src/api/protobuf/index.ts';

interface Recorded {
  readonly command: string;
  /** The body that kubectl 1.32 sent, in base64. */
  readonly body: string;
  /** The same object as kubectl prints it in JSON, without its nulls. */
  readonly json: Readonly<Record<string, unknown>>;
}

const path = join(import.meta.dirname, '..', '..', 'fixtures', 'protobuf', 'kubectl-1.32.json');
const recorded = JSON.parse(readFileSync(path, 'utf8')) as readonly Recorded[];

describe('protobuf bodies of the real kubectl', () => {
  it.each(recorded)('$command is decoded to the JSON of the same object', ({ body, json }) => {
    const decoded = decodeObject(Buffer.from(body, 'base64'));
    expect(decoded).toEqual({ result: 'object', value: json });
  });

  it.each(recorded)('$command is encoded to a body of the same meaning', ({ json }) => {
    const encoded = encodeObject(json);
    expect(encoded && decodeObject(encoded)).toEqual({ result: 'object', value: json });
  });
});
