/** The output of `git cat-file --batch` and `--batch-check`, chunk by chunk. */

export interface GitObject {
  readonly id: string;
  readonly type: string;
  readonly sizeBytes: number;
  /** Undefined for a reader that only checks. */
  readonly contents: Buffer | undefined;
}

/** The answer to one request: an object, or that there is none. */
export type BatchAnswer =
  | { readonly type: 'object'; readonly object: GitObject | undefined }
  /** Nothing more can be parsed after it. */
  | { readonly type: 'too-large'; readonly sizeBytes: number };

/** The largest object that is read whole. A pusher chooses the size of a folder or a commit. */
export const MAX_OBJECT_BYTES = 64 * 1024 * 1024;
const NEWLINE = 10;

export function createBatchParser(mode: 'contents' | 'headers'): (chunk: Buffer) => readonly BatchAnswer[] {
  let chunks: Buffer[] = [];
  /** The rest of the object that is being read, with the line break after it. */
  let missingBytes = 0;
  let header: Omit<GitObject, 'contents'> | undefined;

  /** Undefined where the next answer is not complete yet. */
  function next(): BatchAnswer | undefined {
    if (header && missingBytes > 0) return undefined;
    const buffered = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
    chunks = buffered.length > 0 ? [buffered] : [];
    if (header) {
      const object = { ...header, contents: buffered.subarray(0, header.sizeBytes) };
      keep(buffered.subarray(header.sizeBytes + 1));
      header = undefined;
      return { type: 'object', object };
    }
    const end = buffered.indexOf(NEWLINE);
    if (end < 0) return undefined;
    const found = parseHeader(buffered.toString('utf8', 0, end));
    const rest = buffered.subarray(end + 1);
    keep(rest);
    if (!found) return { type: 'object', object: undefined };
    if (mode === 'headers') return { type: 'object', object: { ...found, contents: undefined } };
    if (found.sizeBytes > MAX_OBJECT_BYTES) return { type: 'too-large', sizeBytes: found.sizeBytes };
    header = found;
    missingBytes = found.sizeBytes + 1 - rest.length;
    return next();
  }

  function keep(rest: Buffer): void {
    chunks = rest.length > 0 ? [rest] : [];
  }

  return (chunk) => {
    chunks.push(chunk);
    missingBytes -= chunk.length;
    const answers: BatchAnswer[] = [];
    for (let answer = next(); answer; answer = next()) {
      answers.push(answer);
      if (answer.type === 'too-large') break;
    }
    return answers;
  };
}

function parseHeader(line: string): Omit<GitObject, 'contents'> | undefined {
  const match = /^([0-9a-f]{40,64}) (\w+) (\d+)$/.exec(line);
  return match ? { id: match[1] ?? '', type: match[2] ?? '', sizeBytes: Number(match[3]) } : undefined;
}
