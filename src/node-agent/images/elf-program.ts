/** A static ELF file of one segment, without a compiler. Source: the ELF-64 object file format. */
const BASE_ADDRESS = 0x400000;
const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const BODY_OFFSET = ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES;

/** Where the body of a program lies in its memory; a multiple of 8. */
export const BODY_ADDRESS = BASE_ADDRESS + BODY_OFFSET;

/** e_machine, by the architecture's name at engines. */
export const MACHINES: ReadonlyMap<string, number> = new Map([
  ['amd64', 62],
  ['arm64', 183],
]);

/** `entry`: the offset in the body at which it begins. The body cannot be written to. */
export function elfProgram(machine: number, body: Buffer, entry = 0): Buffer {
  return Buffer.concat([
    elfHeader(machine, BODY_ADDRESS + entry),
    programHeader(BODY_OFFSET + body.length),
    body,
  ]);
}

function elfHeader(machine: number, entry: number): Buffer {
  const header = Buffer.alloc(ELF_HEADER_BYTES);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // magic, 64 bits, little endian, version 1
  header.writeUInt16LE(2, 16); // ET_EXEC
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(entry), 24);
  header.writeBigUInt64LE(BigInt(ELF_HEADER_BYTES), 32); // program headers
  header.writeUInt16LE(ELF_HEADER_BYTES, 52);
  header.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  header.writeUInt16LE(1, 56);
  return header;
}

function programHeader(sizeBytes: number): Buffer {
  const header = Buffer.alloc(PROGRAM_HEADER_BYTES);
  header.writeUInt32LE(1, 0); // PT_LOAD
  header.writeUInt32LE(5, 4); // readable, executable
  header.writeBigUInt64LE(BigInt(BASE_ADDRESS), 16);
  header.writeBigUInt64LE(BigInt(BASE_ADDRESS), 24);
  header.writeBigUInt64LE(BigInt(sizeBytes), 32);
  header.writeBigUInt64LE(BigInt(sizeBytes), 40);
  header.writeBigUInt64LE(0x1000n, 48);
  return header;
}
