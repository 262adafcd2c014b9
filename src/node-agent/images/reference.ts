/**
 * Image references by the grammar of Docker's distribution: `[domain/]path[:tag][@digest]`. A
 * missing domain means docker.io, a single word below it lives under `library/`, and no tag and no
 * digest mean `latest`. Pure.
 */
export interface ImageReference {
  readonly domain: string;
  readonly path: string;
  readonly tag?: string;
  readonly digest?: string;
}

const DEFAULT_DOMAIN = 'docker.io';
const OFFICIAL_PREFIX = 'library/';
const LEGACY_DOMAIN = 'index.docker.io';
const NAME_LIMIT = 255;

const COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const DOMAIN =
  /^(?:(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])(?:\.(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9]))*|\[[0-9a-fA-F:]+\])(?::\d+)?$/;

/** Undefined if the text is no image reference. */
export function parseImageReference(text: string): ImageReference | undefined {
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !DIGEST.test(digest)) return undefined;
  const name = at < 0 ? text : text.slice(0, at);
  const colon = name.lastIndexOf(':');
  const hasTag = colon > name.lastIndexOf('/');
  const tag = hasTag ? name.slice(colon + 1) : undefined;
  if (tag !== undefined && !TAG.test(tag)) return undefined;
  const { domain, path } = splitDomain(hasTag ? name.slice(0, colon) : name);
  if (!DOMAIN.test(domain) || !path.split('/').every((part) => COMPONENT.test(part))) return undefined;
  if (domain.length + path.length + 1 > NAME_LIMIT) return undefined;
  return {
    domain,
    path,
    ...(tag === undefined && digest === undefined ? { tag: 'latest' } : tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** The first part is a domain if it has a dot, a port or capitals, or is `localhost`. */
function splitDomain(name: string): { readonly domain: string; readonly path: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isDomain = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const domain = isDomain ? first : DEFAULT_DOMAIN;
  const path = isDomain ? name.slice(slash + 1) : name;
  if (domain !== DEFAULT_DOMAIN && domain !== LEGACY_DOMAIN) return { domain, path };
  return { domain: DEFAULT_DOMAIN, path: path.includes('/') ? path : OFFICIAL_PREFIX + path };
}

const suffixOf = ({ tag, digest }: ImageReference): string =>
  `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;

/** The whole name, as containerd and Kubernetes' node status write it. */
export function formatImageReference(reference: ImageReference): string {
  return `${reference.domain}/${reference.path}${suffixOf(reference)}`;
}

/** The short name, as the Engine lists it. */
export function familiarImageReference(reference: ImageReference): string {
  if (reference.domain !== DEFAULT_DOMAIN) return formatImageReference(reference);
  const path = reference.path.startsWith(OFFICIAL_PREFIX)
    ? reference.path.slice(OFFICIAL_PREFIX.length)
    : reference.path;
  return path + suffixOf(reference);
}

/** The image to create a container from: the name where it still means this image, else the id. */
export function imageForContainer(
  text: string,
  image: { readonly id: string; readonly tags: readonly string[] },
): string {
  const reference = parseImageReference(text);
  const familiar =
    reference && reference.digest === undefined ? familiarImageReference(reference) : undefined;
  return familiar !== undefined && image.tags.includes(familiar) ? familiar : image.id;
}
