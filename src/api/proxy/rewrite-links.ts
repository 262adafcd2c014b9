/**
 * Rewrites links of a pod's pages, so that they lead back through the proxy: a path `/a` becomes
 * `PREFIX/a`. As in apimachinery's proxy transport, relative links and links to other hosts stay.
 * Pure.
 */

/** Attributes that hold a link. */
const LINKS =
  'action|background|cite|classid|codebase|data|formaction|href|icon|longdesc|manifest|poster|profile|src|usemap';
const TAG = /<[a-z][a-z0-9]*(?=[\s/])(?:"[^"]*"|'[^']*'|[^'">])*>/gi;
const LINK = new RegExp(`(\\s(?:${LINKS})\\s*=\\s*)(?:"([^"]*)"|'([^']*)'|([^\\s"'>]+))`, 'gi');

/** The host that the client asked, and the pod's own: a link to either is one to the pod. */
export type LinkHosts = readonly (string | undefined)[];

export function rewriteLink(link: string, prefix: string, hosts: LinkHosts): string {
  const absolute = /^(?:https?:)?\/\/([^/?#]*)(.*)$/i.exec(link);
  if (absolute && !hosts.includes(absolute[1])) return link;
  const rest = absolute ? (absolute[2] ?? '') : link;
  const path = absolute && !rest.startsWith('/') ? `/${rest}` : rest;
  if (!path.startsWith('/')) return link;
  return path === prefix || path.startsWith(`${prefix}/`) ? path : `${prefix}${path}`;
}

export function rewriteHtml(html: string, prefix: string, hosts: LinkHosts): string {
  return html.replace(TAG, (tag) =>
    tag.replace(LINK, (_whole, before: string, double?: string, single?: string, bare?: string) => {
      const mark = single === undefined ? '"' : "'";
      return `${before}${mark}${rewriteLink(double ?? single ?? bare ?? '', prefix, hosts)}${mark}`;
    }),
  );
}
