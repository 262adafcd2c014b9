import { dns1123Subdomain } from '../validation/names.ts';
import { validateConfigMap, validateConfigMapUpdate } from '../validation/config-data.ts';
import { defineKind } from './define-kind.ts';

export const configMapKind = defineKind({
  group: '',
  kind: 'ConfigMap',
  plural: 'configmaps',
  shortNames: ['cm'],
  applyOrder: 60,
  nameRule: dns1123Subdomain,
  validate: validateConfigMap,
  validateUpdate: validateConfigMapUpdate,
});
