/** The containers of an Engine that mount a path of its host, whoever made them. */
import type { ContainerRuntime } from '../types.ts';
import type { Engine } from './engine.ts';

/** One that has ended uses nothing, and the agent never starts it again. */
const ENDED: ReadonlySet<string> = new Set(['exited', 'dead']);

export function createPathUsers({ docker, call }: Engine): Pick<ContainerRuntime, 'usersOfPath'> {
  return {
    async usersOfPath(path) {
      const found = await call('list containers', ({ abortSignal }) =>
        docker.listContainers({ all: true, abortSignal }),
      );
      const isWithin = (source: string): boolean => source === path || source.startsWith(`${path}/`);
      return found
        .filter(({ State }) => !ENDED.has(State))
        .filter(({ Mounts }) => Mounts.some(({ Source }) => isWithin(Source)))
        .map(({ Id, Names }) => (Names[0] ?? Id).replace(/^\//, ''));
    },
  };
}
