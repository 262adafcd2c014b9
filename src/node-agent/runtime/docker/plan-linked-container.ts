/**
 * Whether the agent connects a container to the pods' network itself, and how that container begins.
 * Pure. An engine needs three quarters of a start for the network, and makes only what is rare:
 * ports of the host, and containers whose settings our own program might not survive.
 */
import type { PlacedContainer } from './placed-container.ts';

/** In the container, where no image and no volume has a file. */
export const WAITING_PATH = '/dev/symphony-start';

/** The program that an image names for its containers. */
export interface ImageProgram {
  readonly entrypoint: readonly string[];
  readonly args: readonly string[];
  readonly path: string | undefined;
}

/** The Engine's, for an image that has no PATH. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** A longer PATH is left to the engine. */
const MOST_PLACES = 64;

/** The address to connect the container with; undefined if the engine does it. */
export function linkedAddress(spec: PlacedContainer): string | undefined {
  const { network, ports, runtimeHandler, seccompProfile, appArmorProfile, mounts, sysctls } = spec;
  if (network.type !== 'pod' || ports.length > 0 || runtimeHandler !== undefined) return undefined;
  // A profile of the user's may forbid what our program does.
  const isUsual = (profile: string | undefined): boolean => profile === undefined || profile === 'unconfined';
  if (!isUsual(seccompProfile) || !isUsual(appArmorProfile)) return undefined;
  if (mounts.some(({ target }) => target === '/' || /^\/dev\/?$/.test(target))) return undefined;
  // Settings of an interface that is not there yet.
  if (Object.keys(sysctls).some((name) => name.includes('.eth0.'))) return undefined;
  return network.ip;
}

/** The waiting program's arguments; undefined where the engine must say what is wrong. */
export function waitingArguments(spec: PlacedContainer, image: ImageProgram): readonly string[] | undefined {
  const command = spec.command ?? image.entrypoint;
  // The image's arguments are not for another entry point.
  const args = spec.args ?? (spec.command === undefined ? image.args : []);
  const argv = [...command, ...args];
  const [program = ''] = argv;
  if (program === '') return undefined;
  const path = spec.env.findLast(({ name }) => name === 'PATH')?.value ?? image.path ?? DEFAULT_PATH;
  const places = program.includes('/') ? [program] : path.split(':').map((folder) => join(folder, program));
  return places.length > MOST_PLACES ? undefined : [...places, '', ...argv];
}

/** An empty entry of PATH is the working directory. */
const join = (folder: string, program: string): string =>
  folder === '' ? `./${program}` : `${folder.replace(/\/$/, '')}/${program}`;
