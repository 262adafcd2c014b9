import { defineKind } from './define-kind.ts';

export const serviceAccountKind = defineKind({
  group: '',
  kind: 'ServiceAccount',
  shortNames: ['sa'],
  subresources: ['token'],
  applyOrder: 40,
});
