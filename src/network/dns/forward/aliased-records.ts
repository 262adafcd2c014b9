/** The records of another server's answer that follow an alias of the cluster. Pure. */
import { type Address, formatAddress } from '../../../schemas/values/ip-address.ts';
import type { DnsRecord } from '../answer-question.ts';
import { TYPES } from '../wire/constants.ts';
import { readName, type WireRecord } from '../wire/read-message.ts';
import type { ForwardedAnswer } from './forwarded-answer.ts';

/** Addresses, and the aliases on the way to them. */
export function readAliasedRecords({ bytes, answers }: ForwardedAnswer): readonly DnsRecord[] {
  return answers.flatMap((record): DnsRecord[] => {
    const { name } = readName(bytes, record.start);
    if (record.type === TYPES.A || record.type === TYPES.AAAA) {
      const address = addressIn(bytes, record);
      if (address === undefined) return [];
      return [{ type: record.type === TYPES.A ? 'A' : 'AAAA', name, data: formatAddress(address) }];
    }
    if (record.type !== TYPES.CNAME) return [];
    return [{ type: 'CNAME', name, data: readName(bytes, record.dataStart).name }];
  });
}

function addressIn(bytes: Buffer, { dataStart, end }: WireRecord): Address | undefined {
  const length = end - dataStart;
  if (length !== 4 && length !== 16) return undefined;
  return {
    family: length === 4 ? 'IPv4' : 'IPv6',
    bits: BigInt(`0x${bytes.toString('hex', dataStart, end)}`),
  };
}
