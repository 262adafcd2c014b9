/** The hops from outside to a Service behind an Ingress (networking.k8s.io/v1). Pure. */
import type { KubeObject } from '../../schemas/object.ts';
import { type AskOf, fail, type Hop, pass, settled, skip } from './hop.ts';
import { type NamedService, serviceHops } from './service-hops.ts';

interface IngressPath {
  readonly path?: string;
  readonly pathType: string;
  readonly backend: IngressBackend;
}

interface IngressBackend {
  readonly service?: { readonly name: string };
}

export interface IngressObject extends KubeObject {
  readonly spec?: {
    readonly defaultBackend?: IngressBackend;
    readonly rules?: readonly {
      readonly host?: string;
      readonly http?: { readonly paths: readonly IngressPath[] };
    }[];
  };
  readonly status?: {
    readonly loadBalancer?: {
      readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[];
    };
  };
}

/** The backend for a URL, and the Ingress that names it. */
export interface MatchedBackend {
  readonly ingress: IngressObject;
  readonly namespace: string;
  readonly service: string | undefined;
}

/** The rule for a URL: exact hosts before wildcards, exact paths first, then the longest prefix. */
export function matchIngress(ingresses: readonly IngressObject[], url: URL): MatchedBackend | undefined {
  const candidates = ingresses.flatMap((ingress) => {
    const rules = ingress.spec?.rules ?? [];
    const paths = rules.flatMap(({ host = '', http }) =>
      (http?.paths ?? []).map((path) => ({ ingress, backend: path.backend, ranks: rank(host, path, url) })),
    );
    const { defaultBackend } = ingress.spec ?? {};
    return [
      ...paths,
      ...(defaultBackend ? [{ ingress, backend: defaultBackend, ranks: [0, 0] as const }] : []),
    ];
  });
  const [best] = candidates
    .flatMap((one) => (one.ranks === undefined ? [] : [{ ...one, ranks: one.ranks }]))
    .sort((a, b) => b.ranks[0] - a.ranks[0] || b.ranks[1] - a.ranks[1]);
  if (!best) return undefined;
  const { ingress, backend } = best;
  return { ingress, namespace: ingress.metadata.namespace ?? '', service: backend.service?.name };
}

/** How well a rule fits, host before path; undefined: not at all. */
function rank(
  host: string,
  { path = '/', pathType }: IngressPath,
  url: URL,
): readonly [number, number] | undefined {
  const wild = host.startsWith('*.') ? host.slice(1) : undefined;
  const label = wild === undefined ? undefined : url.hostname.slice(0, -wild.length);
  const isWild =
    wild !== undefined && url.hostname.endsWith(wild) && label !== '' && !(label ?? '').includes('.');
  const ofHost = host === url.hostname ? 3 : isWild ? 2 : host === '' ? 1 : 0;
  if (ofHost === 0) return undefined;
  const { pathname } = url;
  const prefix = path.endsWith('/') ? path : `${path}/`;
  if (pathType === 'Exact') return path === pathname ? [ofHost, Number.MAX_SAFE_INTEGER] : undefined;
  return pathname === path || `${pathname}/`.startsWith(prefix) ? [ofHost, path.length + 1] : undefined;
}

/** `backend` is the Service of the match; undefined: there is none of that name. */
export function planIngressHops(
  url: URL,
  match: MatchedBackend | undefined,
  backend: NamedService | undefined,
): readonly Hop[] {
  if (!match)
    return [
      settled(
        'ingress',
        url.href,
        fail('no Ingress has a rule for this host and path', 'kubectl get ingress -A: hosts and paths'),
      ),
    ];
  const { ingress, namespace, service } = match;
  const name = `ingress ${namespace}/${ingress.metadata.name}`;
  const addresses = ingress.status?.loadBalancer?.ingress ?? [];
  const address = addresses.map(({ ip, hostname }) => ip ?? hostname ?? '').join(', ');
  const describe = `kubectl describe ingress -n ${namespace} ${ingress.metadata.name}`;
  return [
    settled('ingress', url.href, pass(`${name} has a rule for it`)),
    settled(
      'ingress-address',
      name,
      address === '' ? fail('no node serves it: it has no address', describe) : pass(`served at ${address}`),
    ),
    ...backendHops(match, backend, describe),
    urlHop(url, service),
  ];
}

function backendHops(
  { namespace, service }: MatchedBackend,
  backend: NamedService | undefined,
  describe: string,
): readonly Hop[] {
  const subject = `service ${namespace}/${service ?? ''}`;
  if (service === undefined) return [settled('service', subject, skip('the backend is no Service'))];
  if (!backend) return [settled('service', subject, fail('there is no such Service', describe))];
  return serviceHops(backend)[0];
}

function urlHop({ href }: URL, service: string | undefined): Hop {
  const ask: AskOf<'url'> = { type: 'url', url: href };
  return {
    name: 'request',
    subject: href,
    asks: [ask],
    isWhole: true,
    assess(answers) {
      const answer = answers.url(ask);
      if (!answer.ok)
        return fail(answer.why, 'check that the name of the host leads to the address of the Ingress');
      const { ok, detail } = answer.value;
      return ok ? pass(detail) : fail(detail, `check the pods of Service ${service ?? ''}`);
    },
  };
}
