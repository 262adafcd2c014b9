/** The renderers, and how a source finds its own. A renderer is a file and an entry here. */
import { UserError } from '../../base/errors.ts';
import type { ApplicationSource } from '../../schemas/types.ts';
import { normaliseTreePath } from '../git/revision.ts';
import type { KustomizeProgram } from './kustomize/build.ts';
import { createKustomize } from './kustomize/kustomize.ts';
import { plain } from './plain.ts';
import type { Render, RenderRequest, Renderer, SourceTree } from './types.ts';

/** The first that detects its own folder renders it. The last takes every folder. */
export const createRenderers = (kustomize: KustomizeProgram): readonly Renderer[] => [
  createKustomize(kustomize),
  plain,
];

/** Without programs: a folder that needs one is refused. */
export const renderers = createRenderers({ binary: undefined, searchPath: '' });

/** A render that can be made: by whom, and from what. */
export interface RenderTarget extends Pick<RenderRequest, 'tree' | 'inputs'> {
  readonly renderer: Renderer;
}

/** Undefined where the commit has no such folder. */
export async function openTree(
  mirror: SourceTree['mirror'],
  commit: string,
  source: ApplicationSource,
): Promise<SourceTree | undefined> {
  const path = normaliseTreePath(source.path ?? '');
  const treeId = await mirror.treeId(commit, path);
  return treeId === undefined ? undefined : { mirror, commit, path, treeId };
}

/** `previous`: the target of an earlier commit of the same source. */
export async function findTarget(
  tree: SourceTree,
  source: ApplicationSource,
  previous: Pick<RenderTarget, 'renderer' | 'inputs'> | undefined,
  list: readonly Renderer[] = renderers,
): Promise<RenderTarget> {
  for (const renderer of list) {
    if (!(await renderer.detect(tree, source))) continue;
    const before = previous?.renderer === renderer ? previous.inputs : undefined;
    return { renderer, tree, inputs: await renderer.inputs(tree, source, before) };
  }
  throw new UserError(`Cannot render "${tree.path}": no renderer takes the folder`);
}

export async function renderTarget(
  { renderer, tree, inputs }: RenderTarget,
  { previous, ...request }: Pick<RenderRequest, 'source' | 'parse' | 'previous' | 'kindsVersion'>,
): Promise<Render> {
  const same = previous?.renderer === renderer.name ? previous : undefined;
  const render = await renderer.render({ ...request, tree, inputs, previous: same });
  if (same) return render;
  return { ...render, changedPaths: new Set([...render.changedPaths, ...(previous?.files.keys() ?? [])]) };
}

export function missingFolder(source: ApplicationSource, commit: string): UserError {
  const path = normaliseTreePath(source.path ?? '');
  return new UserError(`Cannot find folder "${path}" in commit ${commit.slice(0, 12)}`);
}
