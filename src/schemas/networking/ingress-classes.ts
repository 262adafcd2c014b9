/**
 * IngressClasses: ours, the default one, and which Ingresses are ours. Sources: the API
 * documentation of Ingress and IngressClass, and the admission plugin DefaultIngressClass.
 */
import { asRecord } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import type { Ingress, IngressClass } from '../types.ts';

/** `spec.controller` of the classes that the nodes serve. */
export const INGRESS_CONTROLLER = 'symphony.dev/ingress';
/** A node with this label serves Ingresses: its agent sets it. */
export const INGRESS_NODE_LABEL = 'symphony.dev/ingress';
/** Named the class before there was a field. */
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
const DEFAULT_ANNOTATION = 'ingressclass.kubernetes.io/is-default-class';

/** The class that every cluster begins with. */
export const symphonyIngressClass: IngressClass = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IngressClass',
  metadata: { name: 'symphony', annotations: { [DEFAULT_ANNOTATION]: 'true' } },
  spec: { controller: INGRESS_CONTROLLER },
};

/** The newest of several default classes counts, then the first by name. */
export function defaultIngressClass<T extends KubeObject>(classes: readonly T[]): T | undefined {
  const age = ({ metadata }: T): string => metadata.creationTimestamp ?? '';
  return classes
    .filter(({ metadata }) => metadata.annotations?.[DEFAULT_ANNOTATION] === 'true')
    .sort((a, b) =>
      age(a) === age(b) ? (a.metadata.name < b.metadata.name ? -1 : 1) : age(a) > age(b) ? -1 : 1,
    )[0];
}

/** An Ingress without one gets the default class when it is made. */
export function namesIngressClass({ metadata, spec }: KubeObject): boolean {
  const { ingressClassName = null } = asRecord(spec);
  return ingressClassName !== null || Object.hasOwn(metadata.annotations ?? {}, CLASS_ANNOTATION);
}

/** Tells whether an Ingress names a class of ours, or none while ours is the default. */
export function ingressSelector(classes: readonly IngressClass[]): (ingress: Ingress) => boolean {
  const own = new Set(
    classes
      .filter(({ spec }) => spec?.controller === INGRESS_CONTROLLER)
      .map(({ metadata }) => metadata.name),
  );
  const byDefault = defaultIngressClass(classes)?.metadata.name;
  return ({ metadata, spec }) => {
    if (metadata.deletionTimestamp !== undefined) return false;
    // The annotation is older and wins.
    const name = metadata.annotations?.[CLASS_ANNOTATION] ?? spec.ingressClassName ?? byDefault;
    return name !== undefined && own.has(name);
  };
}
