/** A small tar writer (POSIX ustar), pure: enough for a root file system of a few files. */
import { Buffer } from 'node:buffer';

export type TarEntry =
  | { readonly type: 'directory'; readonly name: string; readonly mode: number }
  | { readonly type: 'file'; readonly name: string; readonly mode: number; readonly content: Buffer }
  | { readonly type: 'link'; readonly name: string; readonly target: string };

const BLOCK_BYTES = 512;
const NAME_LIMIT_BYTES = 100;
const TYPE_FLAGS = { file: '0', link: '2', directory: '5' } as const;

/** Entries in their order, owned by root, dated to the epoch: equal entries give equal bytes. */
export function createTar(entries: readonly TarEntry[]): Buffer {
  const blocks: Buffer[] = [];
  for (const entry of entries) {
    const content = entry.type === 'file' ? entry.content : Buffer.alloc(0);
    blocks.push(headerOf(entry, content.length), content);
    blocks.push(Buffer.alloc((BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES));
  }
  blocks.push(Buffer.alloc(2 * BLOCK_BYTES));
  return Buffer.concat(blocks);
}

function headerOf(entry: TarEntry, sizeBytes: number): Buffer {
  const name = entry.type === 'directory' ? `${entry.name}/` : entry.name;
  const target = entry.type === 'link' ? entry.target : '';
  if (Buffer.byteLength(name) > NAME_LIMIT_BYTES || Buffer.byteLength(target) > NAME_LIMIT_BYTES)
    throw new RangeError(`Cannot write tar entry "${name}": name or target is longer than 100 bytes`);
  const header = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, offset: number, digits: number): void => {
    header.write(value.toString(8).padStart(digits, '0'), offset, 'latin1');
  };
  header.write(name, 0);
  octal(entry.type === 'link' ? 0o777 : entry.mode, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(sizeBytes, 124, 11);
  octal(0, 136, 11);
  header.fill(' ', 148, 156);
  header.write(TYPE_FLAGS[entry.type], 156);
  header.write(target, 157);
  header.write('ustar\0', 257);
  header.write('00', 263);
  let sum = 0;
  for (const byte of header) sum += byte;
  octal(sum, 148, 6);
  header.write('\0 ', 154);
  return header;
}
