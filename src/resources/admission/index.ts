/**
 * The admission rules in the order in which they run: what changes an object first, what only
 * checks it afterwards.
 */
import { applicationAuthor } from './application-author.ts';
import { ownDefinition, servedDefinition } from './own-definition.ts';
import { certificateRequest } from './certificate-request.ts';
import { defaultStorageClass } from './default-storage-class.ts';
import { ingressClassDefault } from './default-ingress-class.ts';
import { externalIps } from './external-ips.ts';
import { gitManaged } from './git-managed.ts';
import { limitRangeChecks, limitRangeDefaults } from './limit-range.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeTaint } from './node.ts';
import { nodeRestriction } from './node-restriction.ts';
import { podDefaults } from './pod.ts';
import { rbacEscalation } from './rbac-escalation.ts';
import { podSecurity, podSecurityLabels } from './pod-security.ts';
import { globalDefaultPriority, podPriority } from './priority.ts';
import { runtimeClass } from './runtime-class.ts';
import { serviceAccount } from './service-account.ts';
import { storageProtection } from './storage-protection.ts';
import { storageResize } from './storage-resize.ts';
import type { AdmissionRule } from './types.ts';

export const admissionRules: readonly AdmissionRule[] = [
  namespaceLifecycle,
  nodeRestriction,
  rbacEscalation,
  certificateRequest,
  nodeTaint,
  serviceAccount,
  podDefaults,
  podPriority,
  runtimeClass,
  limitRangeDefaults,
  globalDefaultPriority,
  defaultStorageClass,
  ingressClassDefault,
  storageProtection,
  storageResize,
  externalIps,
  podSecurityLabels,
  podSecurity,
  limitRangeChecks,
  applicationAuthor,
  ownDefinition,
  servedDefinition,
  gitManaged,
];
