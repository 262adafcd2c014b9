/**
 * Approves, signs and removes certificate requests: upstream's csrapproving, csrsigning and
 * csrcleaner.
 */
import type { KubeObject } from '../../schemas/object.ts';
import { type Controller, itself, type Reconciler } from '../controller.ts';
import { isDeleting } from '../ownership.ts';
import { type AutoApproval, autoApprovalsFor, type Requester, requesterOf } from './plan-approval.ts';
import { type CertificateRequestView, planCertificateRequest } from './plan-certificate-request.ts';
import { type CertificateOrder, planSigning } from './plan-signing.ts';

export interface CertificatesOptions {
  /** The authority: a certificate, PEM. */
  issue(order: CertificateOrder): Promise<string>;
  /** Whether a requester may have its request approved without a person. */
  mayAutoApprove?(requester: Requester, approval: AutoApproval): Promise<boolean>;
}

const RESOURCE = 'certificatesigningrequests.certificates.k8s.io';

export const certificatesController = (options: CertificatesOptions): Controller => ({
  name: 'certificates',
  async open({ caches, clock, mayAct }, scope): Promise<Reconciler<CertificateRequestView>> {
    const requests = await caches.open(RESOURCE);
    const { mayAutoApprove = byGroups } = options;
    scope.on(requests, itself);

    async function approvalOf(object: KubeObject): Promise<AutoApproval | undefined> {
      for (const approval of autoApprovalsFor(object))
        if (await mayAutoApprove(requesterOf(object), approval)) return approval;
      return undefined;
    }

    return {
      keys: () => requests.list().map(({ metadata }) => metadata.name),
      async observe(name) {
        const object = requests.get(name);
        if (!object || isDeleting(object)) return undefined;
        const approval = await approvalOf(object);
        const signing = planSigning(object, clock.now());
        const certificate = signing.action === 'sign' ? await options.issue(signing.order) : undefined;
        return { object, approval, certificate, mayDelete: mayAct() };
      },
      plan: planCertificateRequest,
    };
  },
});

/** A bootstrap token may request a node certificate. A node may renew its own. */
function byGroups({ groups }: Requester, approval: AutoApproval): Promise<boolean> {
  const wanted = approval === 'nodeclient' ? 'system:bootstrappers' : 'system:nodes';
  return Promise.resolve(groups.includes(wanted));
}
