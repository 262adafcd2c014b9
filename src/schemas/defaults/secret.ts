/** Secrets are written with `stringData` and read with `data` alone. */
import { isRecord, setMember } from '../../base/json.ts';
import { type Draft, ensurePart, fillZero } from './draft.ts';

export function defaultSecret(draft: Draft): void {
  fillZero(draft, { type: 'Opaque' });
  const plain = draft['stringData'];
  if (!isRecord(plain) || !Object.values(plain).every((value) => typeof value === 'string')) return;
  delete draft['stringData'];
  if (Object.keys(plain).length === 0) return;
  const data = ensurePart(draft, 'data');
  if (!data) return;
  for (const [key, value] of Object.entries(plain)) setMember(data, key, toBase64(String(value)));
}

const toBase64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');
