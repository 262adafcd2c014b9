/**
 * The output of a build → one document for each object, with the file that it comes from. Pure.
 * kustomize writes the origin into an annotation, which is taken out here.
 */
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { isRecord } from '../../../base/json.ts';
import { asRecord, asString, type Fields, omit } from '../../../schemas/json-access.ts';
import { readYamlDocument } from '../../../schemas/manifest/index.ts';
import type { KustomizeBuild } from './build.ts';

export interface BuiltDocument {
  /** Tells the object apart from the others of the output. */
  readonly id: string;
  /** Changes with the contents. */
  readonly hash: string;
  /** The file of the repository that the object, or its generator, is written in. */
  readonly origin: string;
  readonly object: Fields;
}

const ORIGIN = 'config.kubernetes.io/origin';
const SEPARATOR = /^---$/m;

/** `keepsOrigins`: the kustomization asks for the annotation itself. */
export function splitDocuments({
  output,
  folder,
  top,
  keepsOrigins,
}: KustomizeBuild): readonly BuiltDocument[] {
  const seen = new Map<string, number>();
  return output.split(SEPARATOR).flatMap((text) => {
    const read = readYamlDocument({ path: OUTPUT, bytes: Buffer.from(text) });
    if ('error' in read) throw new Error(`Cannot read what kustomize wrote: ${read.error.message}`);
    const written = asRecord(read.value);
    if (Object.keys(written).length === 0) return [];
    const metadata = asRecord(written['metadata']);
    const annotations = asRecord(metadata['annotations']);
    const note = asString(annotations[ORIGIN]);
    const object = keepsOrigins || note === '' ? written : withoutOrigin(written, metadata, annotations);
    const name = [written['apiVersion'], written['kind'], metadata['namespace'], metadata['name']]
      .map(asString)
      .join('/');
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    const origin = originIn(note, folder) ?? top;
    const hash = createHash('sha256').update(origin).update('\0').update(text).digest('hex');
    return [{ id: times === 1 ? name : `${name}#${times}`, hash, origin, object }];
  });
}

const OUTPUT = 'output.yaml';

function withoutOrigin(object: Fields, metadata: Fields, annotations: Fields): Fields {
  const rest = omit(annotations, ORIGIN);
  const others = omit(metadata, 'annotations');
  const isEmpty = Object.keys(rest).length === 0;
  return { ...object, metadata: isEmpty ? others : { ...others, annotations: rest } };
}

/** `path` for an object in a file, `configuredIn` for one that a generator made. */
function originIn(note: string, folder: string): string | undefined {
  const read = readYamlDocument({ path: OUTPUT, bytes: Buffer.from(note) });
  const value = 'error' in read || !isRecord(read.value) ? {} : read.value;
  const path = asString(value['path']) || asString(value['configuredIn']);
  return path === '' ? undefined : posix.join(folder, path);
}
