/**
 * The program of the pause container, made here byte by byte: a static ELF file of one segment. It
 * ignores SIGCHLD, so that the kernel reaps orphans of a shared PID namespace, and sleeps forever.
 * A pod of several containers needs nothing pulled or installed. The program has no signal
 * handlers, so the sandbox's specification asks for SIGKILL. Sources: man 2 rt_sigaction, man 2
 * syscall.
 */
import { BODY_ADDRESS, elfProgram, MACHINES } from './elf-program.ts';

const SIGCHLD = 17;
const SIGSET_BYTES = 8;

/** struct sigaction of the kernel: handler SIG_IGN, no flags, no restorer, empty mask. */
function ignoreAction(): Buffer {
  const action = Buffer.alloc(32);
  action.writeBigUInt64LE(1n, 0);
  return action;
}

/** Machine code, given the address at which the sigaction structure lies. */
type Code = (actionAddress: number) => Buffer;

const word = (value: number): readonly number[] => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return [...bytes];
};

const amd64: Code = (actionAddress) =>
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
  ]);

const movz = (register: number, value: number): readonly number[] => word(0xd2800000 + value * 32 + register);
const svc = word(0xd4000001);

const arm64: Code = (actionAddress) => {
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
};

const CODES: ReadonlyMap<string, Code> = new Map([
  ['amd64', amd64],
  ['arm64', arm64],
]);

/** Undefined for an architecture that has no program yet. */
export function pauseProgram(architecture: string): Buffer | undefined {
  const code = CODES.get(architecture);
  const machine = MACHINES.get(architecture);
  if (!code || machine === undefined) return undefined;
  const actionOffset = Math.ceil(code(0).length / 8) * 8;
  const body = Buffer.alloc(actionOffset);
  code(BODY_ADDRESS + actionOffset).copy(body);
  return elfProgram(machine, Buffer.concat([body, ignoreAction()]));
}
