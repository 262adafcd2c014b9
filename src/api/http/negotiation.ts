/** Content negotiation: chooses the form of an answer that the client accepts. Pure. */
import { createBoundedMap } from '../../base/bounded-map.ts';
import { failure, isStatusError, type StatusError } from '../../schemas/errors/status.ts';

export type Transform = 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';

export interface AnswerForm {
  readonly encoding: 'json' | 'yaml' | 'protobuf';
  readonly transform: Transform | undefined;
  /** The version of `meta.k8s.io` for a transform; `v1` where it is absent. */
  readonly transformVersion?: 'v1beta1';
}

interface MediaRange {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** Longer lists are cut: no client sends more. */
const MAX_RANGES = 32;

/** Clients are programs: they accept the same with each request. */
const MAX_READ = 1_024;
const read = createBoundedMap<string, readonly MediaRange[]>(MAX_READ);
const MAX_READ_LENGTH = 512;

export function mediaRanges(accept = ''): readonly MediaRange[] {
  if (accept.length > MAX_READ_LENGTH) return readRanges(accept);
  return read.remember(accept, () => readRanges(accept));
}

function readRanges(accept: string): readonly MediaRange[] {
  const ranges = (accept.trim() === '' ? '*/*' : accept)
    .split(',')
    .slice(0, MAX_RANGES)
    .map((text) => {
      const [type = '', ...rest] = text.split(';').map((part) => part.trim());
      const parameters = new Map(
        rest.map((part) => {
          const equals = part.indexOf('=');
          return equals < 0 ? [part, ''] : [part.slice(0, equals), part.slice(equals + 1)];
        }),
      );
      const quality = Number(parameters.get('q') ?? '1');
      return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 0 : quality };
    });
  return ranges.filter(({ quality }) => quality > 0).sort((a, b) => b.quality - a.quality);
}

const TRANSFORMS: readonly string[] = ['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList'];

type TransformChoice = Pick<AnswerForm, 'transform' | 'transformVersion'>;

function transformOf({ parameters }: MediaRange): TransformChoice | undefined {
  const as = parameters.get('as');
  if (as === undefined) return { transform: undefined };
  const version = parameters.get('v');
  if (!TRANSFORMS.includes(as) || parameters.get('g') !== 'meta.k8s.io') return undefined;
  if (version === 'v1') return { transform: as as Transform };
  return version === 'v1beta1' ? { transform: as as Transform, transformVersion: version } : undefined;
}

/** The forms of plain paths, and the additional ones of resources. */
const PLAIN_TYPES = ['application/json', 'application/yaml', PROTOBUF];
const STREAM_TYPES = ['application/json;stream=watch', `${PROTOBUF};stream=watch`];

/**
 * The first acceptable form; 406 when there is none. A client that accepts both protobuf and JSON
 * gets JSON, which exists already; protobuf is made only for clients that accept nothing else, for
 * kinds that have it. `hasTable` is false for reviews, which are answers and no lists.
 */
export function negotiate(
  accept: string | undefined,
  hasProtobuf: () => boolean = () => false,
  hasTable = true,
): AnswerForm {
  const ranges = mediaRanges(accept);
  let binary: AnswerForm | undefined;
  for (const range of ranges) {
    const encoding = encodingOf(range.type);
    const choice = transformOf(range);
    const stream = range.parameters.get('stream');
    if (!encoding || !choice || (choice.transform === 'Table' && !hasTable)) continue;
    if (stream !== undefined && stream !== 'watch') continue;
    const form = { encoding, ...choice };
    if (encoding !== 'protobuf') return form;
    // Upstream's tables have no such form either.
    if (choice.transform !== 'Table') binary ??= form;
  }
  const withProtobuf = hasProtobuf();
  if (binary && withProtobuf) return binary;
  // The type is one of ours, but not in the form that was asked for.
  if (ranges.some(({ type }) => encodingOf(type) !== undefined)) throw otherForm(withProtobuf);
  throw notAcceptable([...PLAIN_TYPES, ...STREAM_TYPES]);
}

function otherForm(withProtobuf: boolean): StatusError {
  const types = PLAIN_TYPES.filter((type) => withProtobuf || type !== PROTOBUF).join(', ');
  return failure(406, 'NotAcceptable', `only the following media types are accepted: ${types}`);
}

/** The encoding of an error; JSON where the client accepts none of ours. */
export function errorEncoding(accept: string | undefined): AnswerForm['encoding'] {
  if (accept === undefined) return 'json';
  try {
    return negotiate(accept, () => true).encoding;
  } catch (error) {
    if (isStatusError(error)) return 'json';
    throw error;
  }
}

function encodingOf(type: string): AnswerForm['encoding'] | undefined {
  if (type === 'application/yaml') return 'yaml';
  if (type === PROTOBUF) return 'protobuf';
  return type === 'application/json' || type === '*/*' || type === 'application/*' ? 'json' : undefined;
}

export function notAcceptable(available: readonly string[]): StatusError {
  const message = `406: Not Acceptable\n\nAvailable representations: ${available.join(', ')}`;
  return failure(406, 'NotAcceptable', message, {});
}

export interface DiscoveryForm {
  readonly encoding: AnswerForm['encoding'];
  readonly aggregated: boolean;
}

/**
 * As `negotiate`, for discovery documents. Clients name aggregated discovery (for `/api` and
 * `/apis` alone), and it has one version: Kubernetes 1.36 no longer has v2beta1.
 */
export function negotiateDiscovery(accept: string | undefined, hasAggregated: boolean): DiscoveryForm {
  const ranges = mediaRanges(accept);
  let binary: DiscoveryForm | undefined;
  for (const { type, parameters } of ranges) {
    const encoding = encodingOf(type);
    const as = parameters.get('as');
    const aggregated =
      hasAggregated &&
      as === 'APIGroupDiscoveryList' &&
      parameters.get('g') === 'apidiscovery.k8s.io' &&
      parameters.get('v') === 'v2';
    if (!encoding || (as !== undefined && !aggregated)) continue;
    if (encoding !== 'protobuf') return { encoding, aggregated };
    binary ??= { encoding, aggregated };
  }
  if (binary) return binary;
  if (ranges.some(({ type }) => encodingOf(type) !== undefined)) throw otherForm(true);
  throw notAcceptable(PLAIN_TYPES);
}
