/**
 * The annotations of an Ingress that change how it is served. Pure. They are those of ingress-nginx
 * and Traefik that manifests use most. Each other one of a controller of Ingresses is a problem with
 * its name. One that protects, and that we do not have, closes the Ingress.
 */
import { parseAddress, parseBlock } from '../../schemas/values/ip-address.ts';
import type { BackendProtocol, CorsFilter, ProblemReason } from './proxy-model.ts';

export interface IngressOptions {
  /** Paths are regular expressions for the beginning of the path, as ingress-nginx has it. */
  readonly usesPatterns: boolean;
  readonly rewriteTarget?: string;
  readonly redirect: 'never' | 'where there is TLS' | 'always';
  readonly bodyLimitBytes?: number;
  readonly protocol: BackendProtocol;
  readonly allowSources?: readonly string[];
  readonly connectTimeoutMs?: number;
  readonly responseTimeoutMs?: number;
  readonly isUnbuffered: boolean;
  readonly cors?: CorsFilter;
  readonly scheme?: 'http' | 'https';
  /** Certificates that are not there are to be obtained automatically. */
  readonly wantsCertificates: boolean;
  /** Something that is meant to keep others out is not understood: nothing is served. */
  readonly isClosed: boolean;
}

export interface AnnotationProblem {
  readonly reason: Extract<ProblemReason, 'InvalidAnnotation' | 'UnsupportedAnnotation'>;
  readonly message: string;
}

type Draft = { -readonly [Name in keyof IngressOptions]: IngressOptions[Name] };
/** Throws an Error that says what the value must be. */
type Reader = (draft: Draft, value: string) => void;

const NGINX = 'nginx.ingress.kubernetes.io/';
const TRAEFIK = 'traefik.ingress.kubernetes.io/';

/** Prefixes of annotations that tell a controller of Ingresses how to serve. */
const CONTROLLERS = [
  ...[NGINX, TRAEFIK, 'ingress.kubernetes.io/', 'kubernetes.io/ingress.', 'nginx.org/', 'nginx.com/'],
  ...['haproxy.org/', 'haproxy-ingress.github.io/', 'alb.ingress.kubernetes.io/', 'konghq.com/'],
  ...['appprotect.f5.com/', 'appprotectdos.f5.com/', 'networking.gke.io/', 'projectcontour.io/'],
];
/** Words in the names of annotations that keep requests out. */
const PROTECTS = /auth|whitelist|allowlist|denylist|protect|modsecurity|inbound-cidrs|middlewares/;

const flag = (value: string): boolean => {
  if (value === 'true' || value === 'false') return value === 'true';
  throw new Error('must be "true" or "false"');
};
const redirect =
  (meaning: IngressOptions['redirect']): Reader =>
  (draft, value) => {
    if (flag(value) && draft.redirect !== 'always') draft.redirect = meaning;
  };
const timeout =
  (field: 'connectTimeoutMs' | 'responseTimeoutMs'): Reader =>
  (draft, value) => {
    if (!/^\d{1,6}s?$/.test(value) || parseInt(value, 10) === 0)
      throw new Error('must be a number of seconds');
    draft[field] = Math.max(draft[field] ?? 0, parseInt(value, 10) * 1_000);
  };
const sources: Reader = (draft, value) => {
  const ranges = listOf(value);
  const isRange = (text: string): boolean => (parseBlock(text) ?? parseAddress(text)) !== undefined;
  if (ranges.length === 0 || !ranges.every(isRange))
    throw new Error('must be addresses or CIDRs, with commas');
  draft.allowSources = ranges;
};
const cors =
  (read: (value: string) => Partial<CorsFilter>): Reader =>
  (draft, value) => {
    draft.cors = { ...(draft.cors ?? CORS_DEFAULTS), ...read(value) };
  };
const certificates: Reader = (draft) => {
  draft.wantsCertificates = true;
};
const nothing: Reader = () => undefined;

const PROTOCOLS: Readonly<Record<string, BackendProtocol>> = {
  HTTP: 'http',
  HTTPS: 'https',
  GRPC: 'h2c',
  GRPCS: 'h2',
  H2C: 'h2c',
};

/** The defaults of ingress-nginx. */
const CORS_DEFAULTS: CorsFilter = {
  origins: ['*'],
  methods: 'GET, PUT, POST, DELETE, PATCH, OPTIONS',
  headers:
    'DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization',
  allowsCredentials: true,
  maxAgeSeconds: 1_728_000,
};
const HEADER_LIST = /^[A-Za-z0-9*_-]+( *, *[A-Za-z0-9*_-]+)*$/;
const ORIGIN = /^(\*|[a-z]+:\/\/(\*\.)?[A-Za-z0-9.-]+(:\d+)?)$/;

const headerList = (value: string): string => {
  if (HEADER_LIST.test(value)) return value;
  throw new Error('must be names with commas');
};

const READERS: Readonly<Record<string, Reader>> = {
  [`${NGINX}rewrite-target`]: (draft, value) => {
    if (!/^\/[^\s{}]*$/.test(value)) throw new Error('must be a path');
    draft.rewriteTarget = value;
    draft.usesPatterns = true;
  },
  [`${NGINX}use-regex`]: (draft, value) => {
    draft.usesPatterns ||= flag(value);
  },
  [`${NGINX}ssl-redirect`]: redirect('where there is TLS'),
  [`${NGINX}force-ssl-redirect`]: redirect('always'),
  'ingress.kubernetes.io/ssl-redirect': redirect('where there is TLS'),
  'ingress.kubernetes.io/force-ssl-redirect': redirect('always'),
  [`${NGINX}proxy-body-size`]: (draft, value) => {
    const bytes = parseSize(value);
    // Zero is no limit.
    if (bytes > 0) draft.bodyLimitBytes = bytes;
  },
  [`${NGINX}backend-protocol`]: (draft, value) => {
    const protocol = Object.hasOwn(PROTOCOLS, value.toUpperCase())
      ? PROTOCOLS[value.toUpperCase()]
      : undefined;
    if (protocol === undefined) throw new Error(`must be one of ${Object.keys(PROTOCOLS).join(', ')}`);
    draft.protocol = protocol;
  },
  [`${NGINX}whitelist-source-range`]: sources,
  [`${NGINX}allowlist-source-range`]: sources,
  [`${NGINX}proxy-connect-timeout`]: timeout('connectTimeoutMs'),
  [`${NGINX}proxy-read-timeout`]: timeout('responseTimeoutMs'),
  [`${NGINX}proxy-send-timeout`]: timeout('responseTimeoutMs'),
  [`${NGINX}proxy-buffering`]: (draft, value) => {
    draft.isUnbuffered = value === 'off';
  },
  // Requests and their headers are never buffered on disk, and headers may have 1 MiB.
  [`${NGINX}proxy-request-buffering`]: nothing,
  [`${NGINX}proxy-buffer-size`]: nothing,
  [`${NGINX}client-body-buffer-size`]: nothing,
  // The Service's address is what requests go to anyway, and HTTP/1.1 and upgrades always pass.
  [`${NGINX}service-upstream`]: nothing,
  [`${NGINX}proxy-http-version`]: nothing,
  [`${NGINX}websocket-services`]: nothing,
  'nginx.org/websocket-services': nothing,
  [`${NGINX}enable-cors`]: (draft, value) => {
    if (flag(value)) draft.cors ??= CORS_DEFAULTS;
    else delete draft.cors;
  },
  [`${NGINX}cors-allow-origin`]: cors((value) => {
    const origins = listOf(value);
    if (origins.length === 0 || origins.some((origin) => !ORIGIN.test(origin)))
      throw new Error('must be origins such as https://*.example.com, with commas');
    return { origins };
  }),
  [`${NGINX}cors-allow-methods`]: cors((value) => ({ methods: headerList(value) })),
  [`${NGINX}cors-allow-headers`]: cors((value) => ({ headers: headerList(value) })),
  [`${NGINX}cors-expose-headers`]: cors((value) => ({ exposedHeaders: headerList(value) })),
  [`${NGINX}cors-allow-credentials`]: cors((value) => ({ allowsCredentials: flag(value) })),
  [`${NGINX}cors-max-age`]: cors((value) => {
    if (!/^\d{1,9}$/.test(value)) throw new Error('must be a number of seconds');
    return { maxAgeSeconds: Number(value) };
  }),
  [`${TRAEFIK}router.tls`]: (draft, value) => {
    if (flag(value)) draft.scheme = 'https';
  },
  [`${TRAEFIK}router.tls.certresolver`]: certificates,
  [`${TRAEFIK}router.entrypoints`]: (draft, value) => {
    const names = listOf(value);
    if (names.length === 0 || names.some((name) => name !== 'web' && name !== 'websecure'))
      throw new Error('must be web, websecure, or both');
    if (names.length === 1) draft.scheme = names[0] === 'web' ? 'http' : 'https';
  },
  // cert-manager makes the Secret where it runs; else its annotations tell what is wanted.
  'cert-manager.io/cluster-issuer': certificates,
  'cert-manager.io/issuer': certificates,
  'kubernetes.io/tls-acme': (draft, value) => {
    draft.wantsCertificates ||= flag(value);
  },
  'kubernetes.io/ingress.class': nothing,
  'kubernetes.io/ingress.allow-http': (draft, value) => {
    if (!flag(value)) draft.scheme = 'https';
  },
};

/** Options of annotations that only count with this one. */
const ENABLES_CORS = `${NGINX}enable-cors`;

export function readAnnotations(annotations: Readonly<Record<string, string>>): {
  readonly options: IngressOptions;
  readonly problems: readonly AnnotationProblem[];
} {
  const draft: Draft = {
    usesPatterns: false,
    redirect: 'never',
    protocol: 'http',
    isUnbuffered: false,
    wantsCertificates: false,
    isClosed: false,
  };
  const problems: AnnotationProblem[] = [];
  for (const [name, value] of Object.entries(annotations).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const read = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
    if (!read && !CONTROLLERS.some((prefix) => name.startsWith(prefix))) continue;
    const closes = PROTECTS.test(name);
    const effect = closes ? ': requests are answered with 503, as it may keep others out' : '';
    if (!read) {
      const message = `The annotation ${name} is not supported${effect}`;
      problems.push({ reason: 'UnsupportedAnnotation', message });
      draft.isClosed ||= closes;
      continue;
    }
    try {
      read(draft, value.trim());
    } catch (error) {
      const message = `The annotation ${name} ${(error as Error).message}${effect}`;
      problems.push({ reason: 'InvalidAnnotation', message });
      draft.isClosed ||= closes;
    }
  }
  if (annotations[ENABLES_CORS] !== 'true') delete draft.cors;
  return { options: draft, problems };
}

const listOf = (value: string): readonly string[] =>
  value.split(',').flatMap((item) => (item.trim() === '' ? [] : [item.trim()]));

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1_024, m: 1_048_576, g: 1_073_741_824 };

/** A size of nginx: `150m`. */
function parseSize(value: string): number {
  const [, digits, unit = ''] = /^(\d{1,9})([kmg]?)$/.exec(value.toLowerCase()) ?? [];
  if (digits === undefined) throw new Error('must be a size such as 8m');
  return Number(digits) * (UNITS[unit] ?? 1);
}
