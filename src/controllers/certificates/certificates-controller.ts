/**
 * Certificate requests from asking to oblivion: approves what nodes may have without a person, signs what is approved, and
 * removes what is settled. Upstream's csrapproving, csrsigning and csrcleaner as one loop.
 */
import type { KubeObject } from '../../schemas/object.ts';
import { applyAndWait, type ControllerContext, type Loop, startLoop } from '../controller.ts';
import {
  approved,
  type AutoApproval,
  autoApprovalsFor,
  type Requester,
  requesterOf,
} from './plan-approval.ts';
import { endsAtMs } from './plan-cleanup.ts';
import { type CertificateOrder, issued, planSigning } from './plan-signing.ts';

export interface CertificatesOptions {
  /** The authority: a certificate, PEM. */
  issue(order: CertificateOrder): Promise<string>;
  /** Whether this requester may have its request approved by nobody. Bootstrappers and nodes, unless given. */
  mayAutoApprove?(requester: Requester, approval: AutoApproval): Promise<boolean>;
}

const RESOURCE = 'certificatesigningrequests.certificates.k8s.io';

export async function startCertificatesController(
  context: ControllerContext,
  options: CertificatesOptions,
): Promise<Loop> {
  const { clock } = context;
  const requests = await context.caches.open(RESOURCE);
  const mayAutoApprove = options.mayAutoApprove ?? byGroups;

  async function approve(object: KubeObject, signal: AbortSignal): Promise<boolean> {
    for (const approval of autoApprovalsFor(object)) {
      if (!(await mayAutoApprove(requesterOf(object), approval))) continue;
      const next = approved(object, approval, clock.now());
      await applyAndWait(context, [{ verb: 'update', object: next, subresource: 'approval' }], signal);
      return true;
    }
    return false;
  }

  async function sign(object: KubeObject, signal: AbortSignal): Promise<boolean> {
    const plan = planSigning(object, clock.now());
    if (plan.action === 'none') return false;
    const next = plan.action === 'fail' ? plan.object : issued(object, await options.issue(plan.order));
    await applyAndWait(context, [{ verb: 'update', object: next, subresource: 'status' }], signal);
    return true;
  }

  const loop = startLoop({
    name: 'certificates',
    context,
    keys: () => requests.list().map(({ metadata }) => metadata.name),
    async reconcile(name, signal) {
      const object = requests.get(name);
      if (!object || object.metadata.deletionTimestamp !== undefined) return;
      if (await approve(object, signal)) return;
      if (await sign(object, signal)) return;
      const remainingMs = endsAtMs(object) - clock.now();
      if (remainingMs > 0) return { requeueAfterMs: remainingMs };
      if (context.mayAct()) await applyAndWait(context, [{ verb: 'delete', object }], signal);
    },
  });
  const subscription = requests.subscribe(({ key }) => loop.queue.add(key));
  return {
    queue: loop.queue,
    async [Symbol.asyncDispose]() {
      subscription[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}

/** Who has a bootstrap token may bring a node; a node may go on being itself. */
function byGroups({ groups }: Requester, approval: AutoApproval): Promise<boolean> {
  const wanted = approval === 'nodeclient' ? 'system:bootstrappers' : 'system:nodes';
  return Promise.resolve(groups.includes(wanted));
}
