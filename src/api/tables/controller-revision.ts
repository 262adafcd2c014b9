import { controllerOf, parseApiVersion } from '../../schemas/object.ts';
import { since } from './duration.ts';
import { ageColumn, column, nameColumn, NONE, type TableFormat } from './types.ts';

export const controllerRevisionTable: TableFormat = {
  columns: [nameColumn, column('Controller'), column('Revision'), ageColumn],
  cells(object, nowMs) {
    const { metadata, revision } = object;
    const controller = controllerOf(object);
    return [
      metadata.name,
      controller ? ownerText(controller) : NONE,
      typeof revision === 'number' ? revision : 0,
      since(metadata.creationTimestamp, nowMs),
    ];
  },
};

function ownerText({ apiVersion, kind, name }: { apiVersion: string; kind: string; name: string }): string {
  const { group } = parseApiVersion(apiVersion);
  return `${kind.toLowerCase()}${group === '' ? '' : `.${group}`}/${name}`;
}
