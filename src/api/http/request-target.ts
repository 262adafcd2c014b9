/** Parses a request's path: a resource (Kubernetes' URL scheme), or something else. Pure. */

export interface ResourceTarget {
  readonly type: 'resource';
  readonly group: string;
  readonly version: string;
  readonly namespace: string | undefined;
  readonly plural: string;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  /** The old form of a watch: `/api/v1/watch/namespaces/a/pods`, with a name for one object. */
  readonly isWatch?: true;
  /** The path after `/proxy`, as it was sent: `/a%20b`. */
  readonly proxyPath?: string;
}

export type RequestTarget = ResourceTarget | { readonly type: 'other'; readonly path: string };

/** Subresources of namespaces themselves; everything else below a namespace is a resource in it. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);

/** Below these the rest of a path belongs to the pod or to the node. */
const PROXY = /^(\/api\/v1\/(?:namespaces\/[^/]+\/(?:pods|services)|nodes)\/[^/]+\/proxy)(\/.*)$/;

/** `/api/v1/namespaces/a/pods/b/log` and its kin; `other` for everything with another form. */
export function parseTarget(path: string): RequestTarget {
  const other = { type: 'other', path } as const;
  const segments = path.split('/').slice(1);
  if (segments.at(-1) === '') segments.pop();
  let decoded: string[];
  try {
    decoded = segments.map((segment) => decodeURIComponent(segment));
  } catch {
    return other;
  }
  const proxy = PROXY.exec(path);
  if (proxy) {
    const [, before = '', proxyPath = ''] = proxy;
    const target = parseTarget(before);
    return target.type === 'resource' ? { ...target, proxyPath } : other;
  }
  const [root, ...rest] = decoded;
  if (root === 'api') {
    const [version = '', ...parts] = rest;
    return resource('', version, parts) ?? other;
  }
  if (root === 'apis') {
    const [group = '', version = '', ...parts] = rest;
    return resource(group, version, parts) ?? other;
  }
  return other;
}

function resource(group: string, version: string, parts: readonly string[]): ResourceTarget | undefined {
  if (version === '' || parts.length === 0 || parts.includes('')) return undefined;
  const base = { type: 'resource', group, version } as const;
  const [first = '', second, third, ...rest] = parts;
  if (first === 'watch') {
    const watched = second === 'watch' ? undefined : resource(group, version, parts.slice(1));
    return watched?.subresource === undefined ? watched && { ...watched, isWatch: true } : undefined;
  }
  const inNamespace =
    first === 'namespaces' &&
    third !== undefined &&
    !(rest.length === 0 && NAMESPACE_SUBRESOURCES.has(third));
  if (!inNamespace) {
    if (rest.length > 0) return undefined;
    return { ...base, namespace: undefined, plural: first, name: second, subresource: third };
  }
  const [name, subresource, ...beyond] = rest;
  if (beyond.length > 0) return undefined;
  return { ...base, namespace: second, plural: third, name, subresource };
}
