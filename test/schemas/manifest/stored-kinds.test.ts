import { describe, expect, it } from 'vitest';
import { readManifests } from '../../../src/schemas/manifest/index.ts';
import { validateManifests } from '../../../src/schemas/manifest/validate.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import { storedSamples } from '../stored-samples.ts';

describe('kinds that are only stored', () => {
  it.each(storedSamples.map((sample) => [sample.kind, sample] as const))(
    'are accepted in a repository: %s',
    (_kind, sample) => {
      const read = readManifests({ path: 'a.json', bytes: Buffer.from(JSON.stringify(sample)) });
      const { objects, errors } = validateManifests(read.documents, builtinRegistry);
      expect(errors).toEqual([]);
      expect(objects).toHaveLength(1);
    },
  );
});
