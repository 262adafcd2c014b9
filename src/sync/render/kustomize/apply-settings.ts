/**
 * `spec.source.kustomize` → the changes that Argo CD makes to the kustomization by `kustomize edit`
 * before it builds it. Pure.
 */
import { UserError } from '../../../base/errors.ts';
import { isRecord } from '../../../base/json.ts';
import { asList, asRecord, asRecords, asString, type Fields } from '../../../schemas/json-access.ts';
import type { KustomizeSettings } from '../../../schemas/types.ts';

/** `components`: those that are there, where missing ones are to be passed over. */
export function applySettings(
  kustomization: Fields,
  settings: KustomizeSettings,
  components: readonly string[] = settings.components ?? [],
): Fields {
  const edited: Record<string, unknown> = { ...kustomization };
  for (const name of ['namePrefix', 'nameSuffix', 'namespace'] as const)
    if (settings[name]) edited[name] = settings[name];
  const { images = [], replicas = [], patches = [] } = settings;
  if (images.length > 0) edited['images'] = withImages(asRecords(edited['images']), images.map(parseImage));
  if (replicas.length > 0) edited['replicas'] = withReplicas(asRecords(edited['replicas']), replicas);
  if (patches.length > 0) edited['patches'] = [...asList(edited['patches']), ...patches];
  if (components.length > 0)
    edited['components'] = [...new Set([...asList(edited['components']), ...components])];
  addLabels(edited, settings);
  const { commonAnnotations, forceCommonAnnotations } = settings;
  addPairs(edited, 'commonAnnotations', commonAnnotations, forceCommonAnnotations);
  return edited;
}

function addLabels(edited: Record<string, unknown>, settings: KustomizeSettings): void {
  const { commonLabels = {}, forceCommonLabels, labelWithoutSelector, labelIncludeTemplates } = settings;
  if (labelIncludeTemplates && !labelWithoutSelector)
    throw new UserError(
      'Cannot use spec.source.kustomize.labelIncludeTemplates: it needs labelWithoutSelector',
    );
  if (Object.keys(commonLabels).length === 0) return;
  if (!labelWithoutSelector) return addPairs(edited, 'commonLabels', commonLabels, forceCommonLabels);
  const labels = asRecords(edited['labels']);
  const known = [edited['commonLabels'], ...labels.map(({ pairs }) => pairs)].flatMap((pairs) =>
    Object.keys(asRecord(pairs)),
  );
  refuseKnown('commonLabels', known, commonLabels, forceCommonLabels);
  const entry = { pairs: commonLabels, includeTemplates: labelIncludeTemplates ?? false };
  edited['labels'] = [...labels.map((item) => withoutPairs(item, commonLabels)), entry];
}

function withoutPairs(item: Fields, pairs: Readonly<Record<string, string>>): Fields {
  const kept = Object.entries(asRecord(item['pairs'])).filter(([name]) => !Object.hasOwn(pairs, name));
  return { ...item, pairs: Object.fromEntries(kept) };
}

function addPairs(
  edited: Record<string, unknown>,
  field: 'commonLabels' | 'commonAnnotations',
  pairs: Readonly<Record<string, string>> = {},
  force = false,
): void {
  if (Object.keys(pairs).length === 0) return;
  const before = asRecord(edited[field]);
  refuseKnown(field, Object.keys(before), pairs, force);
  edited[field] = { ...before, ...pairs };
}

function refuseKnown(
  field: 'commonLabels' | 'commonAnnotations',
  known: readonly string[],
  pairs: Readonly<Record<string, string>>,
  force = false,
): void {
  const twice = known.find((name) => Object.hasOwn(pairs, name));
  if (twice === undefined || force) return;
  const flag = field === 'commonLabels' ? 'forceCommonLabels' : 'forceCommonAnnotations';
  throw new UserError(
    `Cannot set spec.source.kustomize.${field}: the kustomization has "${twice}" already; set ${flag} to replace it`,
  );
}

interface Image {
  readonly name: string;
  readonly newName?: string;
  readonly newTag?: string;
  readonly digest?: string;
}

/** `name:tag`, `name@digest`, `name=new`, `name=new:tag`, `name=new@digest`; `*` keeps a part. */
function parseImage(text: string): Image {
  const equals = text.indexOf('=');
  const target = text.slice(equals + 1);
  const { name, ...version } = parseTarget(target);
  const isVersioned = version.newTag !== undefined || version.digest !== undefined;
  if (name === '' || (equals < 0 && !isVersioned) || equals === 0)
    throw new UserError(
      `Cannot use image ${JSON.stringify(text)} of spec.source.kustomize.images: it must be name=new, name:tag or name@digest`,
    );
  return equals < 0 ? { name, ...version } : { name: text.slice(0, equals), newName: name, ...version };
}

function parseTarget(text: string): Image {
  const at = text.indexOf('@');
  if (at >= 0) return { name: text.slice(0, at), digest: text.slice(at + 1) };
  const [, name, newTag] = /^(.*):([\w.-]*|\*)$/.exec(text) ?? [];
  return name === undefined || newTag === undefined ? { name: text } : { name, newTag };
}

const KEEP = '*';

/** An image of the same name is replaced. */
function withImages(before: readonly Fields[], images: readonly Image[]): readonly unknown[] {
  const wanted = new Map(images.map((image) => [image.name, image]));
  const known = new Map(before.map((image) => [asString(image['name']), image]));
  const merged = [...wanted.values()].map((image) => {
    const old = known.get(image.name);
    const parts = Object.entries(image).map(([part, value]: [string, unknown]): [string, unknown] => [
      part,
      value === KEEP ? old?.[part] : value,
    ]);
    return Object.fromEntries(parts.filter(([, value]) => value !== undefined));
  });
  return [...before.filter(({ name }) => !wanted.has(asString(name))), ...merged];
}

function withReplicas(
  before: readonly Fields[],
  replicas: NonNullable<KustomizeSettings['replicas']>,
): readonly unknown[] {
  const wanted = replicas.map(({ name, count }) => ({ name, count: countOf(name, count) }));
  const names = new Set(wanted.map(({ name }) => name));
  return [...before.filter((item) => !isRecord(item) || !names.has(asString(item['name']))), ...wanted];
}

function countOf(name: string, count: number | string): number {
  const value = typeof count === 'number' ? count : /^\d+$/.test(count) ? Number(count) : -1;
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new UserError(
    `Cannot use the count of "${name}" in spec.source.kustomize.replicas: it must be 0 or more`,
  );
}
