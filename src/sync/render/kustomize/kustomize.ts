/**
 * Kustomizations, through the real `kustomize build` or `kubectl kustomize`. The inputs are the
 * files that a build reads. What rendered the same starts no process, and an object whose text is
 * the same is not parsed again.
 */
import { stableStringify } from '../../../base/json.ts';
import { printable } from '../../../base/printable.ts';
import { asString } from '../../../schemas/json-access.ts';
import { isDefinition } from '../../../schemas/custom/index.ts';
import { reportOrder } from '../../../schemas/manifest/index.ts';
import type { ManifestError } from '../../../schemas/manifest/types.ts';
import type { KubeObject } from '../../../schemas/object.ts';
import type { ApplicationSource } from '../../../schemas/types.ts';
import { keyOfIds } from '../inputs.ts';
import type { Render, RenderInputs, RenderRequest, RenderedFile, Renderer, SourceTree } from '../types.ts';
import { type KustomizeProgram, buildKustomization } from './build.ts';
import { type Closure, findClosure, kustomizationsIn } from './closure.ts';
import { type BuiltDocument, splitDocuments } from './documents.ts';
import { commitTree } from './file-tree.ts';

interface KustomizeInputs extends RenderInputs {
  readonly closure: Closure;
  readonly settings: string;
  /** The ids of the folders that decide which files are read. */
  readonly folderIds: ReadonlyMap<string, string | undefined>;
}

interface KustomizeRender extends Render {
  /** By id of the object: the hash of its text. */
  readonly hashes: ReadonlyMap<string, string>;
  /** Kept where the cluster's kinds may change the result. */
  readonly documents: readonly BuiltDocument[] | undefined;
}

const NAME = 'Kustomize';

export function createKustomize(program: KustomizeProgram): Renderer {
  return {
    name: NAME,
    async detect(tree, { kustomize, directory }) {
      if (kustomize) return true;
      // A selection of files says that the folder is one of plain manifests.
      return (
        !directory?.include &&
        !directory?.exclude &&
        (await kustomizationsIn(commitTree(tree), tree.path)).length > 0
      );
    },
    inputs: (tree, source, previous) => findInputs(tree, source, previous as KustomizeInputs | undefined),
    render: (request) => render(program, request),
  };
}

async function findInputs(
  tree: SourceTree,
  { kustomize }: ApplicationSource,
  previous: KustomizeInputs | undefined,
): Promise<KustomizeInputs> {
  const files = commitTree(tree);
  const settings = stableStringify(kustomize ?? {});
  if (previous?.settings === settings) {
    const ids = await Promise.all([...previous.folderIds.keys()].map(files.folderId));
    const isSame = [...previous.folderIds.values()].every(
      (id, index) => id !== undefined && id === ids[index],
    );
    if (isSame) return previous;
  }
  const closure = await findClosure(files, tree.path, kustomize);
  const folders = [...closure.folders];
  const folderIds = await Promise.all(folders.map(files.folderId));
  const key = keyOfIds([
    settings,
    tree.path,
    ...[...closure.files.values()].map(({ path, mode, id }) => `${mode} ${id} ${path}`),
    ...[...closure.links].map(([path, target]) => `link ${target} ${path}`),
    ...closure.problems.map((problem) => stableStringify(problem)),
  ]);
  return { key, closure, settings, folderIds: new Map(folders.map((path, at) => [path, folderIds[at]])) };
}

async function render(program: KustomizeProgram, request: RenderRequest): Promise<KustomizeRender> {
  const { tree } = request;
  const inputs = request.inputs as KustomizeInputs;
  const previous = request.previous as KustomizeRender | undefined;
  const { closure } = inputs;
  if (closure.problems.length > 0) return failed(inputs, closure.problems);
  const known = previous?.inputs.key === inputs.key ? previous.documents : undefined;
  if (known) return parseDocuments(request, inputs, previous, known);
  const built = await buildKustomization(program, commitTree(tree), tree.path, closure);
  const top = closure.top ?? tree.path;
  if ('refusal' in built)
    return failed(inputs, [{ file: printable(top), message: `kustomize: ${built.refusal}` }]);
  const { output } = built;
  const { keepsOrigins } = closure;
  const documents = splitDocuments({ output, folder: tree.path, top, keepsOrigins });
  return parseDocuments(request, inputs, previous, documents);
}

/** The files that were read are those that cannot be read: other applications ask what they name. */
function failed(inputs: KustomizeInputs, errors: readonly ManifestError[]): KustomizeRender {
  const files = [...inputs.closure.files.values()].map(
    ({ path, id }) => [path, { blobId: id, manifests: [], errors }] as const,
  );
  return { ...emptyRender(inputs), files: new Map(files), errors };
}

const emptyRender = (inputs: KustomizeInputs): KustomizeRender => ({
  renderer: NAME,
  inputs,
  files: new Map(),
  changedPaths: new Set(),
  errors: [],
  warnings: new Map(),
  passedOver: undefined,
  kindsVersion: undefined,
  hashes: new Map(),
  documents: undefined,
});

function parseDocuments(
  { parse, kindsVersion }: RenderRequest,
  inputs: KustomizeInputs,
  previous: KustomizeRender | undefined,
  documents: readonly BuiltDocument[],
): KustomizeRender {
  const files = new Map<string, RenderedFile>();
  const changedPaths = new Set<string>();
  const parsed = (document: BuiltDocument, definitions: readonly KubeObject[]): RenderedFile =>
    parseOne(document, inputs.closure, (file) => parse(file, definitions));
  for (const document of documents) {
    const { id, hash } = document;
    const before = previous?.hashes.get(id) === hash ? previous.files.get(id) : undefined;
    const isSame = before && isSystem(before);
    files.set(id, isSame ? before : parsed(document, []));
    if (!isSame) changedPaths.add(id);
  }
  for (const id of previous?.files.keys() ?? []) if (!files.has(id)) changedPaths.add(id);
  const definitions = [...files.values()].flatMap(({ manifests }) =>
    manifests.map(({ object }) => object).filter(isDefinition),
  );
  for (const document of definitions.length === 0 ? [] : documents)
    if (!isSystem(files.get(document.id))) files.set(document.id, parsed(document, definitions));
  const open = [...files.values()].some(({ kindsFrom }) => kindsFrom === 'cluster');
  return {
    ...emptyRender(inputs),
    ...{ files, changedPaths },
    errors: reportOrder([...files.values()].flatMap(({ errors }) => errors)),
    kindsVersion: open ? kindsVersion : undefined,
    hashes: new Map(documents.map(({ id, hash }) => [id, hash])),
    documents: open ? documents : undefined,
  };
}

const isSystem = (file: RenderedFile | undefined): boolean => (file?.kindsFrom ?? 'system') === 'system';

/** The name has no meaning to the reader. */
const OUTPUT = 'output.yaml';

function parseOne(
  { origin, object }: BuiltDocument,
  { files, top = '' }: Closure,
  parse: (file: { readonly path: string; readonly bytes: Uint8Array }) => Omit<RenderedFile, 'blobId'>,
): RenderedFile {
  const result = parse({ path: OUTPUT, bytes: Buffer.from(JSON.stringify(object)) });
  const { notManifest, ...rest } = result;
  const file = printable(origin);
  const name = asString((object['metadata'] as { name?: unknown } | undefined)?.name);
  const about = printable(`${asString(object['kind'])} "${name}"`);
  const errors = notManifest === undefined ? result.errors : [{ file, message: `it is ${notManifest}` }];
  return {
    ...rest,
    blobId: (files.get(origin) ?? files.get(top))?.id ?? '',
    manifests: result.manifests.map((manifest) => ({ ...manifest, origin: file })),
    errors: errors.map(({ path, message, hint }) => ({
      file,
      ...(path === undefined ? {} : { path }),
      message: message.startsWith(about) ? message : `${about}: ${message}`,
      ...(hint === undefined ? {} : { hint }),
    })),
  };
}
