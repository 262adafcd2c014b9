/** Orders errors for people. Pure. */
import type { ManifestError } from './types.ts';

/** Files in these folders of a chart are for Helm. */
const CHART_PARTS = ['templates/', 'charts/', 'crds/', 'ci/'];

/** Errors about whole folders come first. Errors about parts of a chart are left out. */
export function reportOrder(errors: readonly ManifestError[]): readonly ManifestError[] {
  const whole = errors.filter(({ folder }) => folder !== undefined);
  if (whole.length === 0) return errors;
  const charts = whole.filter(({ folder }) => folder === 'chart').map(({ file }) => folderOf(file));
  const isPart = (file: string): boolean =>
    charts.some((chart) => CHART_PARTS.some((part) => file.startsWith(`${chart}${part}`)));
  const others = errors.filter(({ file, folder }) => folder === undefined && !isPart(file));
  return [...whole.filter(({ file }) => !isPart(file)), ...others];
}

const folderOf = (file: string): string => file.slice(0, file.lastIndexOf('/') + 1);
