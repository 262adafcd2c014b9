/**
 * Every pod runs as a service account of its namespace (upstream's admission plug-in
 * ServiceAccount): the account must be there, and what it brings along is added.
 *
 * The account `default` may be missing: its controller makes it in every namespace, a moment after
 * the namespace. Upstream waits for it there; here the pod goes ahead, and its token waits at the
 * agent.
 *
 * A mirror pod stands for a pod on the node's disk. It gets no account: its node could ask for the
 * account's token.
 */
import { objectKey } from '../../schemas/object.ts';
import { isPod } from '../../schemas/pods/pod-marks.ts';
import type { Pod } from '../../schemas/types.ts';
import { isMirrorPod } from '../../schemas/validation/pod-annotations.ts';
import { forbidden } from '../refusals.ts';
import { type AccountFields, mirrorPodComplaint, withServiceAccount } from './plan-service-account.ts';
import type { AdmissionRule } from './types.ts';

const SERVICE_ACCOUNTS = { group: '', plural: 'serviceaccounts' } as const;
const DEFAULT_ACCOUNT = 'default';

export const serviceAccount: AdmissionRule = {
  name: 'ServiceAccount',
  applies: ({ kind, operation }) => isPod(kind) && operation === 'create',
  async admit({ kind, object }, { find }) {
    const pod = object as Pod;
    const { metadata, spec } = pod;
    const refuse = (why: string): Error => forbidden(kind, metadata.name || metadata.generateName || '', why);
    if (isMirrorPod(pod)) {
      const why = mirrorPodComplaint(pod);
      if (why !== undefined) throw refuse(why);
      return pod;
    }
    const name = spec.serviceAccountName || spec.serviceAccount || DEFAULT_ACCOUNT;
    const key = objectKey(metadata.namespace, name);
    const account = (await find(SERVICE_ACCOUNTS, key)) as AccountFields | undefined;
    if (account || name === DEFAULT_ACCOUNT) return withServiceAccount(pod, name, account);
    throw refuse(`error looking up service account ${key}: serviceaccount "${name}" not found`);
  },
};
