import { describe, expect, it } from 'vitest';
import { readManifests } from '../../../src/schemas/manifest/index.ts';
import { validateManifests } from '../../../src/schemas/manifest/validate.ts';
import { builtinKinds, builtinRegistry } from '../../../src/schemas/registry.ts';
import { storedSamples } from '../stored-samples.ts';

const accepted = [
  'Endpoints',
  'EndpointSlice',
  'IngressClass',
  'LimitRange',
  'PodDisruptionBudget',
  'PriorityClass',
  'ResourceQuota',
  'RuntimeClass',
];

describe('kinds that are only stored', () => {
  it.each(storedSamples.map((sample) => [sample.kind, sample] as const))(
    'are accepted in a repository only where nothing is missed: %s',
    (kind, sample) => {
      const read = readManifests({ path: 'a.json', bytes: Buffer.from(JSON.stringify(sample)) });
      const { objects, errors } = validateManifests(read.documents, builtinRegistry);
      if (accepted.includes(kind)) {
        expect(errors).toEqual([]);
        expect(objects).toHaveLength(1);
        return;
      }
      expect(objects).toEqual([]);
      expect(errors).toHaveLength(1);
      expect(errors[0]).toMatchObject({ file: 'a.json', line: 1, path: 'kind' });
      expect(errors[0]?.message).toMatch(new RegExp(`^kind "${kind}" is not implemented by Symphony: .+`));
    },
  );

  it('say what is missing only when they are stored', () => {
    for (const kind of builtinKinds) if (kind.missing !== undefined) expect(kind.behaviour).toBe('stored');
  });
});
