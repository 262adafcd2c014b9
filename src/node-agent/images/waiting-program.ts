/**
 * The program that a container begins with when the agent connects its network: a static ELF file,
 * made here byte by byte. It waits until `eth0` has its link, and becomes the container's own
 * program then. So no program ever runs before its pod has an address.
 *
 * Its arguments: the places where the program may be, an empty one, and the program's own
 * arguments. The first place that it may execute wins, as exec(3) searches PATH. If there is none,
 * it changes its name and waits to be ended: the agent reads the name (`/proc/PID/comm`). Sources:
 * man 2 syscall, syscalls, netdevice(7), prctl(2).
 */
import { elfProgram, MACHINES } from './elf-program.ts';

export const WAITING_NAME = 'symphony-start';
/** Its name when the program is in none of the places, and when it may not be executed. */
export const ABSENT_NAME = 'symphony-ENOENT';
export const DENIED_NAME = 'symphony-EACCES';

/** Between two looks at the link. */
const PAUSE_NANOS = 2_000_000;
/** The container's runtime says these of a script without its interpreter, and of other files. */
const NO_INTERPRETER = 'exec: no such file or directory\n';
const NO_PROGRAM = 'exec: exec format error\n';

/** Before the code: timespec, two names of 16 bytes, two texts of 32 and 24. */
const DATA = Buffer.alloc(104);
DATA.writeBigUInt64LE(BigInt(PAUSE_NANOS), 8);
DATA.write(ABSENT_NAME, 16);
DATA.write(DENIED_NAME, 32);
DATA.write(NO_INTERPRETER, 48);
DATA.write(NO_PROGRAM, 80);

/** Machine code beside its assembler text. The addresses are those of the data. */
type Listing = readonly (readonly [code: string, text: string])[];

// prettier-ignore
const AMD64: Listing = [
  ['4889e3', 'mov rbx, rsp'],
  ['4883ec40', 'sub rsp, 64'],
  ['b829000000', 'mov eax, 41'],
  ['bf02000000', 'mov edi, 2'],
  ['be02000800', 'mov esi, 0x80002'],
  ['31d2', 'xor edx, edx'],
  ['0f05', 'syscall'],
  ['89c5', 'mov ebp, eax'],
  ['c7042465746830', 'mov dword [rsp], 0x30687465'],
  ['89542404', 'mov dword [rsp+4], edx'],
  ['b810000000', 'again: mov eax, 16'],
  ['89ef', 'mov edi, ebp'],
  ['be13890000', 'mov esi, 0x8913'],
  ['4889e2', 'mov rdx, rsp'],
  ['0f05', 'syscall'],
  ['85c0', 'test eax, eax'],
  ['7507', 'jnz sleep'],
  ['f644241040', 'test byte [rsp+16], 0x40'],
  ['7510', 'jnz go'],
  ['b823000000', 'sleep: mov eax, 35'],
  ['bf78004000', 'mov edi, 0x400078'],
  ['31f6', 'xor esi, esi'],
  ['0f05', 'syscall'],
  ['ebd4', 'jmp again'],
  ['4c8d6b10', 'go: lea r13, [rbx+16]'],
  ['4d89ee', 'mov r14, r13'],
  ['498b06', 'find: mov rax, [r14]'],
  ['4983c608', 'add r14, 8'],
  ['803800', 'cmp byte [rax], 0'],
  ['75f4', 'jne find'],
  ['488b03', 'mov rax, [rbx]'],
  ['4c8d7cc310', 'lea r15, [rbx+rax*8+16]'],
  ['bd88004000', 'mov ebp, 0x400088'],
  ['4d8b6500', 'try: mov r12, [r13]'],
  ['4983c508', 'add r13, 8'],
  ['41803c2400', 'cmp byte [r12], 0'],
  ['7434', 'je missing'],
  ['b815000000', 'mov eax, 21'],
  ['4c89e7', 'mov rdi, r12'],
  ['be01000000', 'mov esi, 1'],
  ['0f05', 'syscall'],
  ['85c0', 'test eax, eax'],
  ['7515', 'jnz refused'],
  ['b83b000000', 'mov eax, 59'],
  ['4c89e7', 'mov rdi, r12'],
  ['4c89f6', 'mov rsi, r14'],
  ['4c89fa', 'mov rdx, r15'],
  ['0f05', 'syscall'],
  ['83f8f3', 'cmp eax, -13'],
  ['7523', 'jne late'],
  ['83f8f3', 'refused: cmp eax, -13'],
  ['75c4', 'jne try'],
  ['bd98004000', 'mov ebp, 0x400098'],
  ['ebbd', 'jmp try'],
  ['b89d000000', 'missing: mov eax, 157'],
  ['bf0f000000', 'mov edi, 15'],
  ['89ee', 'mov esi, ebp'],
  ['0f05', 'syscall'],
  ['b822000000', 'wait: mov eax, 34'],
  ['0f05', 'syscall'],
  ['ebf7', 'jmp wait'],
  ['bea8004000', 'late: mov esi, 0x4000a8'],
  ['ba20000000', 'mov edx, 32'],
  ['83f8fe', 'cmp eax, -2'],
  ['740a', 'je say'],
  ['bec8004000', 'mov esi, 0x4000c8'],
  ['ba18000000', 'mov edx, 24'],
  ['b801000000', 'say: mov eax, 1'],
  ['bf02000000', 'mov edi, 2'],
  ['0f05', 'syscall'],
  ['b8e7000000', 'mov eax, 231'],
  ['bf01000000', 'mov edi, 1'],
  ['0f05', 'syscall'],
];

// prettier-ignore
const ARM64: Listing = [
  ['f3030091', 'mov x19, sp'],
  ['ff0301d1', 'sub sp, sp, #64'],
  ['c81880d2', 'mov x8, #198'],
  ['400080d2', 'mov x0, #2'],
  ['410080d2', 'mov x1, #2'],
  ['0101a0f2', 'movk x1, #8, lsl #16'],
  ['020080d2', 'mov x2, #0'],
  ['010000d4', 'svc #0'],
  ['f40300aa', 'mov x20, x0'],
  ['a98c8ed2', 'mov x9, #0x7465'],
  ['090da6f2', 'movk x9, #0x3068, lsl #16'],
  ['e90300f9', 'str x9, [sp]'],
  ['a80380d2', 'again: mov x8, #29'],
  ['e00314aa', 'mov x0, x20'],
  ['612291d2', 'mov x1, #0x8913'],
  ['e2030091', 'mov x2, sp'],
  ['010000d4', 'svc #0'],
  ['60000035', 'cbnz w0, sleep'],
  ['e9234079', 'ldrh w9, [sp, #16]'],
  ['e9003037', 'tbnz w9, #6, go'],
  ['a80c80d2', 'sleep: mov x8, #101'],
  ['000f80d2', 'mov x0, #0x78'],
  ['0008a0f2', 'movk x0, #0x40, lsl #16'],
  ['010080d2', 'mov x1, #0'],
  ['010000d4', 'svc #0'],
  ['f3ffff17', 'b again'],
  ['75420091', 'go: add x21, x19, #16'],
  ['f60315aa', 'mov x22, x21'],
  ['c98640f8', 'find: ldr x9, [x22], #8'],
  ['2a014039', 'ldrb w10, [x9]'],
  ['caffff35', 'cbnz w10, find'],
  ['690240f9', 'ldr x9, [x19]'],
  ['770e098b', 'add x23, x19, x9, lsl #3'],
  ['f7420091', 'add x23, x23, #16'],
  ['181180d2', 'mov x24, #0x88'],
  ['1808a0f2', 'movk x24, #0x40, lsl #16'],
  ['b98640f8', 'try: ldr x25, [x21], #8'],
  ['2a034039', 'ldrb w10, [x25]'],
  ['6a020034', 'cbz w10, missing'],
  ['080680d2', 'mov x8, #48'],
  ['600c8092', 'mov x0, #-100'],
  ['e10319aa', 'mov x1, x25'],
  ['220080d2', 'mov x2, #1'],
  ['010000d4', 'svc #0'],
  ['00010035', 'cbnz w0, refused'],
  ['a81b80d2', 'mov x8, #221'],
  ['e00319aa', 'mov x0, x25'],
  ['e10316aa', 'mov x1, x22'],
  ['e20317aa', 'mov x2, x23'],
  ['010000d4', 'svc #0'],
  ['1f340031', 'cmn w0, #13'],
  ['21020054', 'b.ne late'],
  ['1f340031', 'refused: cmn w0, #13'],
  ['e1fdff54', 'b.ne try'],
  ['181380d2', 'mov x24, #0x98'],
  ['1808a0f2', 'movk x24, #0x40, lsl #16'],
  ['ecffff17', 'b try'],
  ['e81480d2', 'missing: mov x8, #167'],
  ['e00180d2', 'mov x0, #15'],
  ['e10318aa', 'mov x1, x24'],
  ['010000d4', 'svc #0'],
  ['280980d2', 'wait: mov x8, #73'],
  ['000080d2', 'mov x0, #0'],
  ['010080d2', 'mov x1, #0'],
  ['020080d2', 'mov x2, #0'],
  ['030080d2', 'mov x3, #0'],
  ['010000d4', 'svc #0'],
  ['faffff17', 'b wait'],
  ['011580d2', 'late: mov x1, #0xa8'],
  ['0108a0f2', 'movk x1, #0x40, lsl #16'],
  ['020480d2', 'mov x2, #32'],
  ['1f080031', 'cmn w0, #2'],
  ['80000054', 'b.eq say'],
  ['011980d2', 'mov x1, #0xc8'],
  ['0108a0f2', 'movk x1, #0x40, lsl #16'],
  ['020380d2', 'mov x2, #24'],
  ['080880d2', 'say: mov x8, #64'],
  ['400080d2', 'mov x0, #2'],
  ['010000d4', 'svc #0'],
  ['c80b80d2', 'mov x8, #94'],
  ['200080d2', 'mov x0, #1'],
  ['010000d4', 'svc #0'],
];

const LISTINGS: Readonly<Record<string, Listing>> = { amd64: AMD64, arm64: ARM64 };

/** Undefined for an architecture that has no program yet. */
export function waitingProgram(architecture: string): Buffer | undefined {
  const listing = Object.hasOwn(LISTINGS, architecture) ? LISTINGS[architecture] : undefined;
  const machine = MACHINES.get(architecture);
  if (!listing || machine === undefined) return undefined;
  const code = Buffer.from(listing.map(([hex]) => hex).join(''), 'hex');
  return elfProgram(machine, Buffer.concat([DATA, code]), DATA.length);
}
