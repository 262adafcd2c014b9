import { defaultSecret } from '../defaults/secret.ts';
import { dns1123Subdomain } from '../validation/names.ts';
import { validateSecret, validateSecretUpdate } from '../validation/config-data.ts';
import { defineKind } from './define-kind.ts';

export const secretKind = defineKind({
  group: '',
  kind: 'Secret',
  plural: 'secrets',
  applyOrder: 50,
  nameRule: dns1123Subdomain,
  fillDefaults: defaultSecret,
  validate: validateSecret,
  validateUpdate: validateSecretUpdate,
});
