/** git's machine-readable output → values. Pure; anything unexpected is left out rather than guessed. */
import { cutMiddle } from '../../base/text.ts';
import type { TreeEntry } from './types.ts';

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
function byPath(a: TreeEntry, b: TreeEntry): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

/** `diff-tree --raw -z`: `:<mode> <mode> <id> <id> <status> NUL <path> NUL`; `id` undefined for a deletion. */
export function parseRawDiff(
  output: string,
): readonly { readonly path: string; readonly mode: string; readonly id: string | undefined }[] {
  const fields = output.split('\0');
  const changes = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [, mode = '', , id = '', status = ''] = (fields[index] ?? '').split(' ');
    changes.push({ path: fields[index + 1] ?? '', mode, id: status.startsWith('D') ? undefined : id });
  }
  return changes;
}

/** `ls-remote --symref`: which branch HEAD names. */
export function parseLsRemote(output: string): { readonly head: string | undefined } {
  const head = /^ref: (refs\/heads\/\S+)\tHEAD$/m.exec(output)?.[1];
  return { head };
}

/** The ids of a commit's parents, from its text as `cat-file` gives it. */
export function parseParents(text: string): readonly string[] {
  const split = text.indexOf('\n\n');
  const head = split < 0 ? text : text.slice(0, split);
  return [...head.matchAll(/^parent ([0-9a-f]{40,64})$/gm)].map((match) => match[1] ?? '');
}

/** A raw commit object: headers, an empty line, the message. */
export function parseCommit(text: string): {
  readonly subject: string;
  readonly author: string;
  readonly committedAtMs: number;
} {
  const split = text.indexOf('\n\n');
  const head = split < 0 ? text : text.slice(0, split);
  const message = split < 0 ? '' : text.slice(split + 2);
  const author = /^([^<]*) </.exec(headerOf(head, 'author'))?.[1] ?? '';
  const committed = /(?:^|> )(\d{1,15}) [+-]\d{1,8}$/.exec(headerOf(head, 'committer'))?.[1] ?? '0';
  const subject = message.slice(0, MAX_LINE).split('\n', 1)[0] ?? '';
  return { subject, author, committedAtMs: Number(committed) * 1000 };
}

/** Anybody who may push writes these lines, of any length. */
const MAX_LINE = 1_000;

function headerOf(head: string, name: string): string {
  const line = head.split('\n').find((text) => text.startsWith(`${name} `)) ?? '';
  return cutMiddle(line.slice(name.length + 1), MAX_LINE);
}
