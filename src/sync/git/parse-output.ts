/** git's machine-readable output → values. Pure; unexpected output is left out, not guessed. */
import { cutMiddle } from '../../base/text.ts';
import type { CommitText, TreeEntry } from './types.ts';

/** `ls-tree -r -z -l`: `<mode> SP <type> SP <id> SP+ <size or -> TAB <path> NUL`. */
export function parseLsTree(output: string, prefix: string): readonly TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (const record of output.split('\0')) {
    const tab = record.indexOf('\t');
    if (tab < 0) continue;
    const [mode = '', , id = '', size = '-'] = record.slice(0, tab).split(/ +/);
    entries.push({
      path: prefix + record.slice(tab + 1),
      mode,
      blobId: id,
      sizeBytes: size === '-' ? 0 : Number(size),
    });
  }
  return entries.sort(byPath);
}

/** Code-unit order: the same everywhere, whatever the locale. */
export const byPath = (a: Pick<TreeEntry, 'path'>, b: Pick<TreeEntry, 'path'>): number =>
  a.path < b.path ? -1 : a.path > b.path ? 1 : 0;

export interface RemoteRefs {
  /** The branch that HEAD names. */
  readonly head: string | undefined;
  /** Branches and tags with their ids, one a line, sorted: equal texts mean equal refs. */
  readonly refs: string;
}

/** `ls-remote --symref`: `ref: <branch> TAB HEAD`, `<id> TAB <name>`, and lines of peeled tags. */
export function parseLsRemote(output: string): RemoteRefs {
  const head = /^ref: (refs\/heads\/[^\t\n]+)\tHEAD$/m.exec(output)?.[1];
  const refs = output
    .split('\n')
    .filter((line) => /^[0-9a-f]{40,64}\trefs\/(heads|tags)\//.test(line) && !line.endsWith('^{}'))
    .map((line) => line.replace('\t', ' '));
  return { head, refs: refs.sort().join('\n') };
}

/** `FETCH_HEAD`: `<id> TAB [not-for-merge] TAB branch '<name>' of <url>`, as {@link RemoteRefs}. */
export function parseFetchHead(text: string): string {
  const refs = text.split('\n').flatMap((line) => {
    const [id = '', , what = ''] = line.split('\t');
    const end = what.indexOf("' of ");
    const [kind, folder] = what.startsWith('branch ') ? ['branch', 'heads'] : ['tag', 'tags'];
    return end < 0 || !what.startsWith(`${kind} '`)
      ? []
      : [`${id} refs/${folder}/${what.slice(kind.length + 2, end)}`];
  });
  return refs.sort().join('\n');
}

/** The ids of a commit's parents, from its text as `cat-file` gives it. */
export function parseParents(text: string): readonly string[] {
  const split = text.indexOf('\n\n');
  const head = split < 0 ? text : text.slice(0, split);
  return [...head.matchAll(/^parent ([0-9a-f]{40,64})$/gm)].map((match) => match[1] ?? '');
}

/** A raw commit object: headers, an empty line, the message. */
export function parseCommit(text: string): CommitText {
  const split = text.indexOf('\n\n');
  const head = split < 0 ? text : text.slice(0, split);
  const message = split < 0 ? '' : text.slice(split + 2);
  const author = /^([^<]*) </.exec(headerOf(head, 'author'))?.[1] ?? '';
  const subject = message.slice(0, MAX_LINE).split('\n', 1)[0] ?? '';
  return { subject, author };
}

/** Frames around messages, and the advice that git gives after every failure of ssh. */
const SAYS_NOTHING =
  /^(?:remote:)?[^\p{L}\p{N}]*$|^(?:Please make sure you have the correct access rights|and the repository exists\.)$/u;

/** The telling lines of a failure: those of servers and of ssh come first, git's own last. */
export const complaintLines = (text: string): readonly string[] =>
  text
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => !SAYS_NOTHING.test(line));

/** Anybody who may push writes these lines, of any length. */
const MAX_LINE = 1_000;

function headerOf(head: string, name: string): string {
  const line = head.split('\n').find((text) => text.startsWith(`${name} `)) ?? '';
  return cutMiddle(line.slice(name.length + 1), MAX_LINE);
}
