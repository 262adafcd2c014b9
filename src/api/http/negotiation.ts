/** Content negotiation: which of our forms of an answer a client accepts. Pure. */
import { failure, type StatusError } from '../../schemas/status.ts';

export type Transform = 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';

export interface AnswerForm {
  readonly encoding: 'json' | 'yaml';
  readonly transform: Transform | undefined;
}

interface MediaRange {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** Longer lists are cut: no client sends more. */
const MAX_RANGES = 32;

export function mediaRanges(accept: string | undefined): readonly MediaRange[] {
  const ranges = (accept ?? '*/*')
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

function transformOf({ parameters }: MediaRange): Transform | undefined | 'unknown' {
  const as = parameters.get('as');
  if (as === undefined) return undefined;
  const known =
    TRANSFORMS.includes(as) && parameters.get('g') === 'meta.k8s.io' && parameters.get('v') === 'v1';
  return known ? (as as Transform) : 'unknown';
}

/** The first acceptable form; 406 when there is none. */
export function negotiate(accept: string | undefined): AnswerForm {
  for (const range of mediaRanges(accept === '' ? undefined : accept)) {
    const encoding = encodingOf(range.type);
    const transform = transformOf(range);
    if (encoding && transform !== 'unknown') return { encoding, transform };
  }
  throw notAcceptable([
    'application/json',
    'application/yaml',
    'application/vnd.kubernetes.protobuf',
    'application/json;stream=watch',
    'application/vnd.kubernetes.protobuf;stream=watch',
  ]);
}

function encodingOf(type: string): AnswerForm['encoding'] | undefined {
  if (type === 'application/yaml') return 'yaml';
  return type === 'application/json' || type === '*/*' || type === 'application/*' ? 'json' : undefined;
}

export function notAcceptable(available: readonly string[]): StatusError {
  const message = `406: Not Acceptable\n\nAvailable representations: ${available.join(', ')}`;
  return failure(406, 'NotAcceptable', message, {});
}

/** Aggregated discovery is asked for by name; version v2, or the older v2beta1 of the same shape. */
export function wantsAggregatedDiscovery(accept: string | undefined): 'v2' | 'v2beta1' | undefined {
  for (const { type, parameters } of mediaRanges(accept)) {
    if (type !== 'application/json') continue;
    if (parameters.get('as') !== 'APIGroupDiscoveryList') {
      if (parameters.get('as') === undefined) return undefined;
      continue;
    }
    const version = parameters.get('v');
    if (parameters.get('g') === 'apidiscovery.k8s.io' && (version === 'v2' || version === 'v2beta1'))
      return version;
  }
  return undefined;
}
