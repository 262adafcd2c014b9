/** Ranges of addresses and ports that do not overlap: the kernel refuses others in one set. Pure. */
import { formatAddress, parseBlock } from '../../schemas/values/ip-address.ts';
import { asList, asRecord, asString } from '../../schemas/json-access.ts';

interface Range {
  readonly first: bigint;
  readonly last: bigint;
}

const LAST_ADDRESS = 0xffff_ffffn;

/** The addresses of ipBlocks, sorted, as nft has them: `10.0.0.0-10.0.0.255`. IPv4 only. */
export const blockRanges = (blocks: readonly unknown[]): readonly string[] =>
  merged(blocks.flatMap(rangesOf)).map((range) => rangeText(range, addressText));

/** Sorted: `80`, `8000-8099`. */
export const portRanges = (ports: readonly (readonly [number, number])[]): readonly string[] =>
  merged(ports.map(([first, last]) => ({ first: BigInt(first), last: BigInt(last) }))).map((range) =>
    rangeText(range, String),
  );

/** Whether the ranges are all addresses that there are. */
export const isEverything = ([only, another]: readonly string[]): boolean =>
  another === undefined && only === rangeText({ first: 0n, last: LAST_ADDRESS }, addressText);

/** A block of IPv6, or one that cannot be read, has no address of a pod. */
function rangesOf(block: unknown): readonly Range[] {
  const { cidr, except } = asRecord(block);
  const outer = rangeOf(cidr);
  if (!outer) return [];
  const holes = merged(asList(except).flatMap((text) => rangeOf(text) ?? []));
  const left: Range[] = [];
  let { first } = outer;
  for (const hole of holes) {
    if (hole.first > first) left.push({ first, last: smaller(hole.first - 1n, outer.last) });
    if (hole.last >= first) first = hole.last + 1n;
  }
  return [...left, { first, last: outer.last }].filter((range) => range.first <= range.last);
}

function rangeOf(cidr: unknown): Range | undefined {
  const block = parseBlock(asString(cidr), 'sloppy');
  if (block?.address.family !== 'IPv4') return undefined;
  const size = 1n << BigInt(32 - block.prefix);
  const first = (block.address.bits / size) * size;
  return { first, last: first + size - 1n };
}

/** Sorted; ranges that touch are one. */
function merged(ranges: readonly Range[]): readonly Range[] {
  const result: Range[] = [];
  for (const range of [...ranges].sort((a, b) => (a.first < b.first ? -1 : Number(a.first > b.first)))) {
    const previous = result.at(-1);
    if (previous && range.first <= previous.last + 1n)
      result[result.length - 1] = { first: previous.first, last: larger(previous.last, range.last) };
    else result.push(range);
  }
  return result;
}

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

const addressText = (bits: bigint): string => formatAddress({ family: 'IPv4', bits });
const rangeText = ({ first, last }: Range, text: (value: bigint) => string): string =>
  first === last ? text(first) : `${text(first)}-${text(last)}`;
