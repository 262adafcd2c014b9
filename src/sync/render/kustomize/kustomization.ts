/**
 * The files that a kustomization refers to, by field. Pure. Members are found whatever their case,
 * as Go finds them.
 */
import { append } from '../../../base/append.ts';
import { isRecord } from '../../../base/json.ts';
import { asList, asRecord, asRecords, asString } from '../../../schemas/json-access.ts';

/** In the order in which kustomize looks for them. */
export const KUSTOMIZATION_NAMES = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'] as const;

export interface Reference {
  /** The field, for messages. */
  readonly field: string;
  readonly path: string;
  /**
   * `manifest`: a file or a folder with a kustomization. `folder`: the latter. `data`: a file.
   * `plugin`: as `manifest`; the files are settings of plugins, which refer to files themselves.
   */
  readonly as: 'manifest' | 'folder' | 'data' | 'plugin';
  /** Text that is no path, where no such file exists. */
  readonly mayBeInline?: true;
}

export interface References {
  readonly references: readonly Reference[];
  /** Requests that are not served, each with the field. */
  readonly refusals: readonly string[];
}

type Shape = (value: unknown, field: string) => readonly Reference[];

const paths =
  (as: Reference['as']): Shape =>
  (value, field) =>
    asList(value).flatMap((path) => (typeof path === 'string' ? [{ field, path, as }] : []));

const inlineOrPaths =
  (as: Reference['as']): Shape =>
  (value, field) =>
    asList(value).flatMap((path) =>
      typeof path !== 'string' || path.includes('\n') ? [] : [{ field, path, as, mayBeInline: true }],
    );

const memberPaths: Shape = (value, field) =>
  asRecords(value).flatMap((item) => dataAt(item, `${field}.path`, 'path'));

const generators: Shape = (value, field) =>
  asRecords(value).flatMap((item) => [
    ...dataLists(item, field, ['files', 'envs']),
    ...dataAt(item, `${field}.env`, 'env'),
  ]);

const SHAPES: Readonly<Record<string, Shape>> = {
  resources: paths('manifest'),
  bases: paths('folder'),
  components: paths('folder'),
  crds: paths('data'),
  configurations: paths('data'),
  patchesstrategicmerge: inlineOrPaths('data'),
  patchesjson6902: memberPaths,
  patches: memberPaths,
  replacements: memberPaths,
  configmapgenerator: generators,
  secretgenerator: generators,
  openapi: (value, field) => dataAt(asRecord(value), `${field}.path`, 'path'),
  generators: inlineOrPaths('plugin'),
  transformers: inlineOrPaths('plugin'),
  validators: inlineOrPaths('plugin'),
};

const CHARTS: ReadonlySet<string> = new Set(['helmcharts', 'helmchartinflationgenerator']);

export function referencesOf(kustomization: unknown): References {
  const references: Reference[] = [];
  const refusals: string[] = [];
  for (const [field, value] of Object.entries(asRecord(kustomization))) {
    const name = field.toLowerCase();
    if (Object.hasOwn(SHAPES, name)) append(references, SHAPES[name]?.(value, field) ?? []);
    if (CHARTS.has(name) && asList(value).length > 0)
      refusals.push(
        `${field}: charts in a kustomization are not rendered; commit what "helm template" prints`,
      );
  }
  return { references, refusals };
}

/** The settings of a built-in plugin name files in members of few names, at any depth. */
export function referencesOfPlugin(settings: unknown, depth = 0): readonly Reference[] {
  if (depth > MAX_DEPTH) return [];
  if (Array.isArray(settings)) return settings.flatMap((item) => referencesOfPlugin(item, depth + 1));
  if (!isRecord(settings)) return [];
  const own = [
    ...dataAt(settings, 'path', 'path'),
    ...dataAt(settings, 'env', 'env'),
    ...dataLists(settings, 'plugin', ['files', 'envs', 'paths']),
  ].map((reference) => ({ ...reference, mayBeInline: true as const }));
  return [...own, ...Object.values(settings).flatMap((value) => referencesOfPlugin(value, depth + 1))];
}

const MAX_DEPTH = 20;

function dataAt(item: Readonly<Record<string, unknown>>, field: string, name: string): readonly Reference[] {
  const path = asString(memberOf(item, name));
  return path === '' ? [] : [{ field, path, as: 'data' }];
}

/** `key=path`, or the path alone. */
function dataLists(
  item: Readonly<Record<string, unknown>>,
  field: string,
  names: readonly string[],
): readonly Reference[] {
  return names.flatMap((name) =>
    asList(memberOf(item, name)).flatMap((entry): Reference[] => {
      const path = asString(entry).slice(asString(entry).indexOf('=') + 1);
      return path === '' ? [] : [{ field: `${field}.${name}`, path, as: 'data' }];
    }),
  );
}

function memberOf(item: Readonly<Record<string, unknown>>, name: string): unknown {
  const key = Object.keys(item).find((candidate) => candidate.toLowerCase() === name);
  return key === undefined ? undefined : item[key];
}

/** An address that kustomize would fetch. */
export const isRemote = (path: string): boolean =>
  /^[a-z][a-z0-9+.-]*:\/\//i.test(path) ||
  /^(?:git::|gh:|[\w.-]+@[\w.-]+[:/]|(?:www\.)?github\.com[:/])/i.test(path) ||
  /[?&](?:ref|version|timeout|submodules)=/.test(path) ||
  /\.git(?:\/|$)/.test(path);
