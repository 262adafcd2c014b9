import { jsonEqual } from '../../../base/json.ts';
import { AGE, gatewayKinds } from './define-gateway-kind.ts';
import {
  conditions,
  controllerName,
  group,
  keyedList,
  kindName,
  namespaceName,
  object,
  objectName,
  pending,
  text,
} from './parts.ts';
import { rule } from './rules.ts';

const accepted = pending('Accepted');

export const gatewayClassKinds = gatewayKinds({
  kind: 'GatewayClass',
  plural: 'gatewayclasses',
  shortNames: ['gc'],
  namespaced: false,
  versions: ['v1', 'v1beta1'],
  description: 'A GatewayClass names the controller of the Gateways that choose it.',
  spec: object('The controller, and what it is told.', 'controllerName', {
    controllerName: controllerName('The controller, as a domain and a path. It never changes.'),
    description: text('A note for people.', { maxLength: 64 }),
    parametersRef: object('An object with more settings.', 'group kind name', {
      group: group('API group of the object.'),
      kind: kindName('Kind of the object.'),
      name: objectName('Name of the object.'),
      namespace: namespaceName('Namespace of the object, where it has one.'),
    }),
  }),
  status: object(
    'The state that the controller reports.',
    '',
    {
      conditions: conditions({ default: accepted }),
      supportedFeatures: keyedList(
        'Features that the controller has.',
        64,
        'name',
        object('A feature.', 'name', { name: text('Its name.') }),
      ),
    },
    { default: { conditions: accepted } },
  ),
  columns: [
    { name: 'Controller', jsonPath: '.spec.controllerName' },
    { name: 'Accepted', jsonPath: '.status.conditions[?(@.type=="Accepted")].status' },
    AGE,
    { name: 'Description', jsonPath: '.spec.description', priority: 1 },
  ],
  rules: [
    rule(
      'spec.controllerName',
      'field is immutable',
      (value, old) => old === undefined || jsonEqual(value, old),
    ),
  ],
  applyOrder: 62,
  defaultRoles: 'view',
});
