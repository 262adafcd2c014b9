/** The next step of a certificate request: approve, sign or remove it. Pure. */
import type { KubeObject } from '../../schemas/object.ts';
import type { Plan } from '../controller.ts';
import { deletionOf, statusUpdate } from '../ownership.ts';
import { approved, type AutoApproval } from './plan-approval.ts';
import { endsAtMs } from './plan-cleanup.ts';
import { issued, planSigning } from './plan-signing.ts';

export interface CertificateRequestView {
  readonly object: KubeObject;
  /** The approval that needs no person. */
  readonly approval: AutoApproval | undefined;
  /** PEM, issued because the request is approved. */
  readonly certificate: string | undefined;
  readonly mayDelete: boolean;
}

export function planCertificateRequest(view: CertificateRequestView, nowMs: number): Plan | undefined {
  const { object, approval, certificate, mayDelete } = view;
  if (approval !== undefined) {
    const next = approved(object, approval, nowMs);
    return { writes: [{ verb: 'update', object: next, subresource: 'approval' }] };
  }
  if (certificate !== undefined) return { writes: [statusUpdate(issued(object, certificate))] };
  const signing = planSigning(object, nowMs);
  if (signing.action === 'fail') return { writes: [statusUpdate(signing.object)] };
  const remainingMs = endsAtMs(object) - nowMs;
  if (remainingMs > 0) return { writes: [], requeueAfterMs: remainingMs };
  return mayDelete ? { writes: [deletionOf(object)] } : undefined;
}
