/** `metadata.managedFields`: the record of field owners, as a client may send it. */
import { asList, asRecord, asString } from '../json-access.ts';
import { byteLength, type FieldErrors, indexed, invalid, tooLong } from './report.ts';

const MAX_MANAGER_BYTES = 128;
const MAX_SUBRESOURCE_BYTES = 256;

export function validateManagedFields(entries: unknown, path: string): FieldErrors {
  return asList(entries).flatMap((item, index) => {
    const entry = asRecord(item);
    const at = indexed(path, index);
    const [operation, fieldsType] = [asString(entry['operation']), asString(entry['fieldsType'])];
    const errors: FieldErrors = [];
    // One empty entry removes the record.
    if (Object.keys(entry).length > 0 && operation !== 'Apply' && operation !== 'Update')
      errors.push(invalid(`${at}.operation`, operation, 'must be `Apply` or `Update`'));
    if (fieldsType !== '' && fieldsType !== 'FieldsV1')
      errors.push(invalid(`${at}.fieldsType`, fieldsType, 'must be `FieldsV1`'));
    const manager = asString(entry['manager']);
    if (byteLength(manager) > MAX_MANAGER_BYTES) errors.push(tooLong(`${at}.manager`, MAX_MANAGER_BYTES));
    if (/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(manager))
      errors.push(invalid(`${at}.manager`, manager, 'should only contain printable characters'));
    if (byteLength(asString(entry['subresource'])) > MAX_SUBRESOURCE_BYTES)
      errors.push(tooLong(`${at}.subresource`, MAX_SUBRESOURCE_BYTES));
    return errors;
  });
}
