/**
 * The program of the pause container, made here byte by byte: a static ELF file of one segment. It
 * ignores SIGCHLD, so that the kernel reaps orphans of a shared PID namespace, and sleeps forever.
 * A pod of several containers needs nothing pulled or installed. The program has no signal
 * handlers, so the sandbox's specification asks for SIGKILL. Sources: the ELF-64 object file
 * format, man 2 rt_sigaction, man 2 syscall.
 */
const BASE_ADDRESS = 0x400000;
const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const CODE_OFFSET = ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES;

const SIGCHLD = 17;
const SIGSET_BYTES = 8;

/** struct sigaction of the kernel: handler SIG_IGN, no flags, no restorer, empty mask. */
function ignoreAction(): Buffer {
  const action = Buffer.alloc(32);
  action.writeBigUInt64LE(1n, 0);
  return action;
}

interface Target {
  /** e_machine. */
  readonly machine: number;
  /** Machine code, given the address at which the sigaction structure lies. */
  code(actionAddress: number): Buffer;
}

const word = (value: number): readonly number[] => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return [...bytes];
};

const amd64: Target = {
  machine: 62,
  code: (actionAddress) =>
    Buffer.from([
      ...[0xb8, ...word(13)], // mov eax, SYS_rt_sigaction
      ...[0xbf, ...word(SIGCHLD)], // mov edi, SIGCHLD
      ...[0xbe, ...word(actionAddress)], // mov esi, action
      ...[0x31, 0xd2], // xor edx, edx
      ...[0x41, 0xba, ...word(SIGSET_BYTES)], // mov r10d, 8
      ...[0x0f, 0x05], // syscall
      ...[0xb8, ...word(34)], // again: mov eax, SYS_pause
      ...[0x0f, 0x05], // syscall
      ...[0xeb, 0xf7], // jmp again
    ]),
};

const movz = (register: number, value: number): readonly number[] => word(0xd2800000 + value * 32 + register);
const svc = word(0xd4000001);

const arm64: Target = {
  machine: 183,
  code: (actionAddress) => {
    const instructions = [
      movz(8, 134), // SYS_rt_sigaction
      movz(0, SIGCHLD),
      movz(1, actionAddress % 0x10000),
      word(0xf2a00000 + Math.floor(actionAddress / 0x10000) * 32 + 1), // movk x1, high half
      movz(2, 0),
      movz(3, SIGSET_BYTES),
      svc,
      movz(8, 73), // again: SYS_ppoll without descriptors or time-out
      movz(0, 0),
      movz(1, 0),
      movz(2, 0),
      movz(3, 0),
      svc,
      word(0x17fffffa), // b again: six instructions back
    ];
    return Buffer.from(instructions.flat());
  },
};

const TARGETS: ReadonlyMap<string, Target> = new Map([
  ['amd64', amd64],
  ['arm64', arm64],
]);

/** Undefined for an architecture that has no program yet. */
export function pauseProgram(architecture: string): Buffer | undefined {
  const target = TARGETS.get(architecture);
  if (!target) return undefined;
  const codeBytes = target.code(0).length;
  const actionOffset = Math.ceil((CODE_OFFSET + codeBytes) / 8) * 8;
  const code = target.code(BASE_ADDRESS + actionOffset);
  const file = Buffer.alloc(actionOffset + 32);
  elfHeader(target.machine).copy(file, 0);
  programHeader(file.length).copy(file, ELF_HEADER_BYTES);
  code.copy(file, CODE_OFFSET);
  ignoreAction().copy(file, actionOffset);
  return file;
}

function elfHeader(machine: number): Buffer {
  const header = Buffer.alloc(ELF_HEADER_BYTES);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // magic, 64 bits, little endian, version 1
  header.writeUInt16LE(2, 16); // ET_EXEC
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(BASE_ADDRESS + CODE_OFFSET), 24); // entry
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
