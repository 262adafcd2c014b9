/** Numbers of the DNS protocol (RFC 1035, RFC 6891; IANA's registry "DNS Parameters"). */
export const TYPES = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, OPT: 41 } as const;
export type TypeName = keyof typeof TYPES;
/** Transfers of a zone, which nobody needs here. */
export const TRANSFERS: ReadonlySet<number> = new Set([251, 252]);
export const CLASS_IN = 1;

export const CODES = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;
export type CodeName = keyof typeof CODES;

export const FLAGS = {
  response: 0x8000,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  authenticData: 0x0020,
  checkingDisabled: 0x0010,
  opcode: 0x7800,
  code: 0x000f,
} as const;

export const HEADER_BYTES = 12;
/** Clients without EDNS take this much over UDP. */
export const PLAIN_UDP_BYTES = 512;
/** Fits an Ethernet frame by IPv6 ("DNS flag day 2020"); longer answers go over TCP. */
export const EDNS_UDP_BYTES = 1_232;
export const MAX_MESSAGE_BYTES = 65_535;
/** An OPT record without options. */
export const OPT_BYTES = 11;
