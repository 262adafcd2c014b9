/** Certificate signing requests as rows. */
import { asNumber, asRecord, asString, getPath } from '../../schemas/json-access.ts';
import { conditionsOf } from '../../schemas/validation/certificates.ts';
import { humanDuration, since } from './duration.ts';
import { ageColumn, column, NONE, nameColumn, type TableFormat } from './types.ts';

export const signingRequestTable: TableFormat = {
  columns: [
    nameColumn,
    ageColumn,
    column('SignerName', { description: 'The requested signer, a qualified name.' }),
    column('Requestor', { description: 'Who asks for the certificate.' }),
    column('RequestedDuration', { description: 'How long the certificate is wanted for.' }),
    column('Condition', { description: 'What has become of the request.' }),
  ],
  cells(object, nowMs) {
    const { metadata } = object;
    const spec = asRecord(object['spec']);
    const seconds = asNumber(spec['expirationSeconds']);
    return [
      metadata.name,
      since(metadata.creationTimestamp, nowMs),
      asString(spec['signerName']) || NONE,
      asString(spec['username']),
      seconds === undefined ? NONE : humanDuration(seconds),
      conditionText(object),
    ];
  },
};

/** `Approved,Issued`, `Denied`, `Pending` and the like. */
function conditionText(object: Parameters<typeof conditionsOf>[0]): string {
  const has = (type: string): boolean => conditionsOf(object, type).length > 0;
  const words = [
    ...(has('Denied') ? ['Denied'] : has('Approved') ? ['Approved'] : ['Pending']),
    ...(has('Failed') ? ['Failed'] : []),
    ...(asString(getPath(object, 'status', 'certificate')) === '' ? [] : ['Issued']),
  ];
  return words.join(',');
}
