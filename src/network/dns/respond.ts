/**
 * A query → the answer's bytes, for names of the cluster and addresses of its ranges. Pure. Other
 * names are left to the forwarder.
 */
import { type Block, holds, parseAddress, parseBlock } from '../../schemas/values/ip-address.ts';
import { type Answer, answerQuestion, type ClusterNames, type DnsRecord } from './answer-question.ts';
import { addressOfPointer, zoneOfBlock } from './pointer-name.ts';
import { CLASS_IN, FLAGS, TRANSFERS, TYPES, type TypeName } from './wire/constants.ts';
import type { Query } from './wire/read-message.ts';
import { type Response, type SoaRecord, writeBadVersion } from './wire/write-message.ts';

/** As CoreDNS in a cluster of kubeadm. Negative answers hold as long. */
export const TTL_SECONDS = 30;

export interface ZoneSettings {
  /** The cluster's domain, `cluster.local`. */
  readonly zone: string;
  /** Addresses of pods and Services: names of these are nobody else's. */
  readonly ranges: readonly string[];
  /** The address at which pods ask. */
  readonly address: string;
}

/** The names of the cluster, once they are known. */
export interface KnownNames extends ClusterNames {
  readonly isSynced: boolean;
  /** When the names changed, in seconds. */
  readonly serial: number;
  /** Grows with each change. */
  readonly version: number;
}

export type Reply =
  | { readonly type: 'answer'; readonly response: Response }
  | { readonly type: 'bytes'; readonly bytes: Buffer }
  | { readonly type: 'forward' }
  /** The target's records follow the alias. */
  | { readonly type: 'alias'; readonly records: readonly DnsRecord[]; readonly target: string };

export type Responder = (query: Query) => Reply;

/** An alias that leads to an alias …; more are a loop. */
const MAX_ALIASES = 8;
const TYPE_NAMES = new Map<number, TypeName>(
  (Object.entries(TYPES) as [TypeName, number][]).map(([name, type]) => [type, name]),
);

export function createResponder(settings: ZoneSettings, names: KnownNames): Responder {
  const { zone } = settings;
  const blocks = settings.ranges.flatMap((range) => parseBlock(range) ?? []);
  const isOurs = (name: string): boolean => name === zone || name.endsWith(`.${zone}`);
  const answer = (response: Omit<Response, 'ttl'>): Reply => ({
    type: 'answer',
    response: { ttl: TTL_SECONDS, ...response },
  });
  const soaOf = (name: string): SoaRecord => ({ type: 'SOA', name, serial: names.serial });

  function respond(query: Query, name: string, aliases: readonly DnsRecord[]): Reply {
    const type = TYPE_NAMES.get(query.type) ?? `TYPE${query.type}`;
    const block = blockOf(name, blocks);
    if ((block || isOurs(name)) && !names.isSynced) return answer({ code: 'SERVFAIL' });
    if (name === zone && type === 'SOA') return answer({ code: 'NOERROR', answers: [soaOf(zone)] });
    const server = `ns.dns.${zone}`;
    const serverAddress: DnsRecord = { type: 'A', name: server, data: settings.address };
    if (name === zone && type === 'NS')
      return answer({
        code: 'NOERROR',
        answers: [{ type: 'NS', name, data: server }],
        additionals: [serverAddress],
      });
    const found: Answer =
      name === server
        ? { code: 'NOERROR', answers: type === 'A' ? [serverAddress] : [], additionals: [] }
        : answerQuestion({ name, type }, zone, names);
    switch (found.code) {
      case 'NOERROR': {
        const answers = [...aliases, ...found.answers];
        return found.answers.length > 0
          ? answer({ code: 'NOERROR', answers, additionals: found.additionals })
          : answer({ code: 'NOERROR', answers, authorities: [soaOf(block ? zoneOfBlock(block) : zone)] });
      }
      case 'NXDOMAIN':
        return answer({ code: 'NXDOMAIN', answers: aliases, authorities: [soaOf(zone)] });
      case 'FORWARD':
        if (block) return answer({ code: 'NXDOMAIN', authorities: [soaOf(zoneOfBlock(block))] });
        return aliases.length > 0 ? { type: 'alias', records: aliases, target: name } : { type: 'forward' };
      case 'ALIAS': {
        const records = [...aliases, found.record];
        if (type === 'CNAME') return answer({ code: 'NOERROR', answers: records });
        if (records.length > MAX_ALIASES) return answer({ code: 'SERVFAIL' });
        return respond(query, found.target, records);
      }
    }
  }
  return (query) => refuse(query) ?? respond(query, query.name, []);
}

function refuse(query: Query): Reply | undefined {
  const refusal = (code: Response['code']): Reply => ({
    type: 'answer',
    response: { code, ttl: 0, isAuthoritative: false },
  });
  if ((query.flags & FLAGS.opcode) !== 0) return refusal('NOTIMP');
  if (query.edns && query.edns.version !== 0) return { type: 'bytes', bytes: writeBadVersion(query) };
  return query.class !== CLASS_IN || TRANSFERS.has(query.type) ? refusal('REFUSED') : undefined;
}

function blockOf(name: string, blocks: readonly Block[]): Block | undefined {
  const text = addressOfPointer(name);
  const address = text === undefined ? undefined : parseAddress(text);
  return address && blocks.find((block) => holds(block, address));
}
