import { AGE, column, NAME, tableOf } from '../tables/columns.ts';
import { validateRuntimeClass, validateRuntimeClassUpdate } from '../validation/classes.ts';
import { defineKind } from './define-kind.ts';

export const runtimeClassKind = defineKind({
  group: 'node.k8s.io',
  kind: 'RuntimeClass',
  namespaced: false,
  applyOrder: 9,
  table: tableOf(NAME, column('Handler', 'handler'), AGE),
  validate: validateRuntimeClass,
  validateUpdate: validateRuntimeClassUpdate,
});
