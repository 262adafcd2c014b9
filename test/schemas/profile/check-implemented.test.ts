import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { childDefinition, definitionOf, schemaNameOf } from '../../../src/schemas/definitions.ts';
import { checkPodFields } from '../../../src/schemas/profile/index.ts';
import { rulesByKind } from './rules-by-kind.ts';
import { builtinKinds } from '../../../src/schemas/registry.ts';
import { renderFields } from '../../../src/schemas/profile/render-fields.ts';

const pod = (spec: object): readonly string[] =>
  checkPodFields('v1', 'Pod', { spec: { containers: [], ...spec } }).map((error) => error.path);

describe('checkPodFields', () => {
  test.each([
    [
      'a volume of a driver',
      { volumes: [{ name: 'a' }, { csi: {} }, { persistentVolumeClaim: {} }, { ephemeral: {} }] },
      ['spec.volumes[1].csi'],
    ],
    ['another scheduler', { schedulerName: 'x' }, ['spec.schedulerName']],
    [
      'a GPU',
      { containers: [{ resources: { limits: { cpu: 1, 'example.com/gpu': 1, 'hugepages-2Mi': 1 } } }] },
      ['spec.containers[0].resources.limits[hugepages-2Mi]'],
    ],
    ['a user namespace', { hostUsers: false }, ['spec.hostUsers']],
    ['the default scheduler', { schedulerName: 'default-scheduler' }, []],
    ['SELinux options', { securityContext: { seLinuxOptions: { level: 'x' } } }, []],
    ['an empty list', { ephemeralContainers: [], resourceClaims: null }, []],
    ['the default /proc', { initContainers: [{ securityContext: { procMount: 'Default' } }] }, []],
  ])('%s', (_, spec, paths) => {
    expect(pod(spec)).toEqual(paths);
  });

  test('the same rules hold in every pod template', () => {
    const template = { spec: { hostnameOverride: 'x' } };
    expect(checkPodFields('apps/v1', 'Deployment', { spec: { template } })[0]?.path).toBe(
      'spec.template.spec.hostnameOverride',
    );
    const jobTemplate = { spec: { template } };
    expect(checkPodFields('batch/v1', 'CronJob', { spec: { jobTemplate } })[0]?.path).toBe(
      'spec.jobTemplate.spec.template.spec.hostnameOverride',
    );
  });

  test('never throws on any shape', () => {
    for (const value of [
      null,
      3,
      'x',
      [],
      [[]],
      { spec: 3 },
      { spec: { containers: { a: 1 }, volumes: 'x' } },
    ]) {
      expect(checkPodFields('v1', 'Pod', value)).toEqual([]);
    }
  });
});

test('every rule names a field that exists upstream', () => {
  for (const [kind, rules] of rulesByKind) {
    const at = kind.lastIndexOf('/');
    const name = schemaNameOf(kind.slice(0, at), kind.slice(at + 1)) ?? '';
    for (const rule of rules) {
      let definition = definitionOf(name);
      for (const segment of rule.path.split('.')) {
        if (definition?.properties) expect(Object.keys(definition.properties), rule.path).toContain(segment);
        definition = childDefinition(definition, segment);
        expect(definition, `${kind} ${rule.path}`).toBeDefined();
      }
    }
  }
});

test('docs/FIELDS.md is the table of rules', () => {
  expect(readFileSync('docs/FIELDS.md', 'utf8')).toBe(renderFields(builtinKinds));
});
