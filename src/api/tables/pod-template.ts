import { isRecord } from '../../base/json.ts';
import type { PodTemplate } from '../../schemas/types.ts';
import { labelsText } from './selector-text.ts';
import { column, nameColumn, type TableFormat } from './types.ts';
import { templateCells } from './workload-columns.ts';

export const podTemplateTable: TableFormat = {
  columns: [nameColumn, column('Containers'), column('Images'), column('Pod Labels')],
  cells({ metadata, template }) {
    const pod = isRecord(template) ? (template as PodTemplate) : {};
    const [containers = '', images = ''] = templateCells(pod, undefined);
    return [metadata.name, containers, images, labelsText(pod.metadata?.labels)];
  },
};
