/** Columns that every workload with a pod template shows with `-o wide`. */
import type { PodTemplate } from '../../schemas/types.ts';
import { selectorText } from './selector-text.ts';
import { type Cell, type TableColumn, wide } from './types.ts';

export const templateColumns: readonly TableColumn[] = [wide('Containers'), wide('Images'), wide('Selector')];

export function templateCells(template: PodTemplate | undefined, selector: unknown): readonly Cell[] {
  const containers = template?.spec?.containers ?? [];
  return [
    containers.map((container) => container.name).join(','),
    containers.map((container) => container.image ?? '').join(','),
    selectorText(selector),
  ];
}
