/** `authentication.k8s.io/v1 SelfSubjectReview`: the caller as a user (`kubectl auth whoami`). */
import { toRfc3339 } from '../../base/clock.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import { takeTyped } from '../../resources/decoding/intake.ts';
import { named } from './named.ts';
import type { VirtualResource } from './types.ts';
import { userInfoJson } from './user-info.ts';

const TYPE = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' } as const;

export function createSelfSubjectReview(core: Pick<ResourceCore, 'schemas' | 'clock'>): VirtualResource {
  return {
    ...named({ group: 'authentication.k8s.io', version: 'v1', kind: TYPE.kind, verbs: ['create'] }),
    async create(body, _namespace, { fieldValidation }, context) {
      const schema = core.schemas.ofKind('authentication.k8s.io', 'v1', TYPE.kind);
      const review = takeTyped(core.schemas, schema, body, TYPE, { fieldValidation, context });
      return {
        ...TYPE,
        metadata: { ...review.metadata, creationTimestamp: toRfc3339(core.clock.now()) },
        status: { userInfo: userInfoJson(context.user) },
      };
    },
  };
}
