import { AGE, column, NAME, tableOf } from '../tables/columns.ts';
import { isRecord, setMember } from '../../base/json.ts';
import { asRecord } from '../json-access.ts';
import type { Secret } from '../types.ts';
import { textFields } from '../values/field-selectors.ts';
import { type Draft, ensurePart, fillZero } from '../defaults/draft.ts';
import { validateSecret, validateSecretUpdate } from '../validation/config-data.ts';
import { defineKind } from './define-kind.ts';

export const secretKind = defineKind({
  group: '',
  kind: 'Secret',
  applyOrder: 50,
  table: tableOf(
    NAME,
    column('Type', ({ type }: Secret) => type ?? 'Opaque', {
      description:
        'Used to facilitate programmatic handling of secret data. More info: https://kubernetes.io/docs/concepts/configuration/secret/#secret-types',
    }),
    column('Data', ({ data }) => Object.keys(asRecord(data)).length, {
      description:
        "Data contains the secret data. Each key must consist of alphanumeric characters, '-', '_' or '.'. The serialized form of the secret data is a base64 encoded string, representing the arbitrary (possibly non-string) data value here. Described in https://tools.ietf.org/html/rfc4648#section-4",
    }),
    AGE,
  ),
  selectable: textFields('type'),
  fillDefaults(draft) {
    fillZero(draft, { type: 'Opaque' });
    foldStringData(draft);
  },
  validate: validateSecret,
  validateUpdate: validateSecretUpdate,
});

/** Secrets are written with `stringData` and read with `data` alone. */
function foldStringData(draft: Draft): void {
  const plain = draft['stringData'];
  if (!isRecord(plain) || !Object.values(plain).every((value) => typeof value === 'string')) return;
  delete draft['stringData'];
  if (Object.keys(plain).length === 0) return;
  const data = ensurePart(draft, 'data');
  if (!data) return;
  for (const [key, value] of Object.entries(plain))
    setMember(data, key, Buffer.from(String(value), 'utf8').toString('base64'));
}
