/** Why Caddy does not serve on this host, in words that say what to do. Pure. */
import type { ProxyPorts } from './proxy-model.ts';

export interface HostTrouble {
  readonly reason: 'IngressPortInUse' | 'IngressProgramMissing' | 'IngressUnavailable';
  readonly message: string;
}

/** `listenerOf` names the process that listens on a port, as far as it can be found out. */
export function planHostTrouble(
  complaint: string,
  { httpPort, httpsPort }: ProxyPorts,
  listenerOf: (port: number) => string | undefined,
): HostTrouble {
  if (/caddy ENOENT/.test(complaint)) {
    const message =
      'Ingresses are not served here: the program "caddy" is missing; install it (Debian: apt-get install caddy), or start this node with --ingress false';
    return { reason: 'IngressProgramMissing', message };
  }
  const inUse = /listen tcp [^ ]*:(\d+): bind: address already in use/.exec(complaint);
  if (inUse) return planPortTrouble(Number(inUse[1]), { httpPort, httpsPort }, listenerOf);
  return {
    reason: 'IngressUnavailable',
    message: `Ingresses are not served as they should be: ${complaint}`,
  };
}

/** Another process has a port of Ingresses. */
export function planPortTrouble(
  port: number,
  { httpPort, httpsPort }: ProxyPorts,
  listenerOf: (port: number) => string | undefined,
): HostTrouble {
  const flag =
    port === httpPort ? '--ingress-http-port' : port === httpsPort ? '--ingress-https-port' : undefined;
  const message = `Ingresses are not served here: ${listenerOf(port) ?? 'another process'} listens on port ${port}; end that, choose another port with ${flag ?? '--ingress-http-port'}, or start this node with --ingress false`;
  return { reason: 'IngressPortInUse', message };
}
