/** An Ingress that names no class gets the default one. Source: DefaultIngressClass. */
import { asRecord } from '../../schemas/json-access.ts';
import { defaultIngressClass, namesIngressClass } from '../../schemas/networking/ingress-classes.ts';
import type { AdmissionRule } from './types.ts';

export const ingressClassDefault: AdmissionRule = {
  name: 'DefaultIngressClass',
  applies: ({ kind, operation, object }) =>
    kind.kind === 'Ingress' &&
    kind.group === 'networking.k8s.io' &&
    operation === 'create' &&
    !namesIngressClass(object),
  async admit({ object }, { snapshots }) {
    const classes = await snapshots.open({ group: 'networking.k8s.io', plural: 'ingressclasses' });
    const found = defaultIngressClass(classes.list());
    if (!found) return object;
    return { ...object, spec: { ...asRecord(object['spec']), ingressClassName: found.metadata.name } };
  },
};
