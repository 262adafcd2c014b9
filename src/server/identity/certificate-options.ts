/** Options of the certificates controller: the authority, and roles that need no approval. */
import type { Authority } from '../../api/tls/authority.ts';
import type { Authorizer } from '../../resources/authz/types.ts';
import type { CertificatesOptions } from '../../controllers/certificates/certificates-controller.ts';

export function certificatesOptions(
  authority: Authority,
  authorizer: Pick<Authorizer, 'authorize'>,
): CertificatesOptions {
  return {
    issue: (order) => authority.issue(order),
    async mayAutoApprove({ name, groups }, subresource) {
      const { allowed } = await authorizer.authorize(
        { name, groups },
        {
          verb: 'create',
          group: 'certificates.k8s.io',
          resource: 'certificatesigningrequests',
          subresource,
          namespace: undefined,
          name: undefined,
          fieldSelector: undefined,
        },
      );
      return allowed;
    },
  };
}
