/** Hosts of routes by precedence: names, then wildcards with more labels first, then any. Pure. */
import { compareText } from '../../base/text.ts';

export const byHost = (a: string | undefined, b: string | undefined): number =>
  byKind(a, b) || compareText(normal(a), normal(b));

/** Hosts that never stand for one request are equal. */
export const byKind = (a: string | undefined, b: string | undefined): number =>
  hostRank(a) - hostRank(b) || (hostRank(a) === WILD ? labels(b) - labels(a) : 0);

const WILD = 1;
const hostRank = (host: string | undefined): number =>
  host === undefined ? 2 : host.startsWith('*') ? WILD : 0;
const labels = (host = ''): number => host.split('.').length;
/** Wildcards of one label and of several are alike. */
const normal = (host = ''): string => host.replace(/^\*+/, '*');
