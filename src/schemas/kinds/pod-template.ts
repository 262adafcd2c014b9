import { defaultTemplate } from '../defaults/workloads.ts';
import { dns1123Subdomain } from '../validation/names.ts';
import { validatePodTemplate } from '../validation/workloads.ts';
import { defineKind } from './define-kind.ts';

export const podTemplateKind = defineKind({
  group: '',
  kind: 'PodTemplate',
  plural: 'podtemplates',
  applyOrder: 12,
  countsGeneration: true,
  nameRule: dns1123Subdomain,
  stored: {},
  fillDefaults: defaultTemplate,
  validate: validatePodTemplate,
});
