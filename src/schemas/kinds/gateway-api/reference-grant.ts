import { AGE, gatewayKinds } from './define-gateway-kind.ts';
import { group, kindName, list, namespaceName, object, objectName } from './parts.ts';

export const referenceGrantKinds = gatewayKinds({
  kind: 'ReferenceGrant',
  plural: 'referencegrants',
  shortNames: ['refgrant'],
  versions: ['v1beta1', 'v1'],
  description: 'A ReferenceGrant lets objects of other namespaces refer to objects of its own.',
  spec: object('Who may refer to what.', 'from to', {
    from: list(
      'Objects that may refer. One that matches is enough.',
      16,
      object('Objects of a kind in a namespace.', 'group kind namespace', {
        group: group('API group of the objects.'),
        kind: kindName('Kind of the objects.'),
        namespace: namespaceName('Namespace of the objects.'),
      }),
      { minItems: 1 },
    ),
    to: list(
      'Objects that may be referred to. One that matches is enough.',
      16,
      object('Objects of a kind, in the namespace of the grant.', 'group kind', {
        group: group('API group of the objects.'),
        kind: kindName('Kind of the objects.'),
        name: objectName('Name of one object. All of the kind when left out.'),
      }),
      { minItems: 1 },
    ),
  }),
  columns: [AGE],
  rules: [],
  applyOrder: 61,
  defaultRoles: 'edit',
});
