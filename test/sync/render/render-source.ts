/** A render in one call, as the loop makes it in two: find the inputs, then render them. */
import type { ApplicationSource } from '../../../src/schemas/types.ts';
import { findTarget, missingFolder, openTree, renderTarget } from '../../../src/sync/render/index.ts';
import type { ParseManifestFile, Render, SourceTree } from '../../../src/sync/render/types.ts';

export async function renderSource(input: {
  readonly mirror: SourceTree['mirror'];
  readonly commit: string;
  readonly source: ApplicationSource;
  readonly parse: ParseManifestFile;
  readonly previous?: Render | undefined;
}): Promise<Render> {
  const { mirror, commit, source, parse, previous } = input;
  const tree = await openTree(mirror, commit, source);
  if (!tree) throw missingFolder(source, commit);
  const { renderer } = await findTarget(tree, source, undefined);
  const target = await findTarget(tree, source, previous && { renderer, inputs: previous.inputs });
  return renderTarget(target, { source, parse, previous, kindsVersion: 0 });
}
