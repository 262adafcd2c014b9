/**
 * The payload of a ping over an agent's tunnel: how old the Lease of the node is, as the server
 * sees it. An agent whose Lease is renewed for it makes no request of its own. Servers of earlier
 * releases send eight other bytes.
 */
const MARK = Buffer.from('LEAS');
const PAYLOAD_BYTES = 8;
/** The server knows no renewal. As an age, 49 days: old in any case. */
const UNKNOWN_MS = 0xffff_ffff;

export function encodeLeasePing(ageMs: number | undefined): Buffer {
  const payload = Buffer.alloc(PAYLOAD_BYTES);
  MARK.copy(payload);
  payload.writeUInt32BE(Math.min(Math.floor(ageMs ?? UNKNOWN_MS), UNKNOWN_MS), MARK.length);
  return payload;
}

/** Undefined: the ping says nothing about the Lease. */
export const decodeLeasePing = (payload: Buffer): number | undefined =>
  payload.length === PAYLOAD_BYTES && payload.subarray(0, MARK.length).equals(MARK)
    ? payload.readUInt32BE(MARK.length)
    : undefined;
