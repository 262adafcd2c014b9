/**
 * The variables by which containers find Services: `WEB_SERVICE_HOST` and its like, and those that
 * Docker's links had. Pure. Names, values and the choice of Services are kubelet's.
 */
import type { Pod, Service } from '../../schemas/types.ts';
import type { EnvVariable } from './plan-environment.ts';

/** Every pod finds the API, whatever its namespace and `enableServiceLinks`. */
const API = { namespace: 'default', name: 'kubernetes' };

/** In the order of the Services' names. */
export function serviceVariables(pod: Pod, services: Iterable<Service>): readonly EnvVariable[] {
  const found = new Map<string, Service>();
  for (const service of services) {
    const { namespace, name } = service.metadata;
    if (!hasAddress(service)) continue;
    const isApi = namespace === API.namespace && name === API.name;
    if (isApi ? !found.has(name) : namespace === pod.metadata.namespace && linksServices(pod))
      found.set(name, service);
  }
  return [...found.keys()].sort().flatMap((name) => variablesOf(found.get(name)!));
}

const linksServices = ({ spec }: Pod): boolean => spec.enableServiceLinks !== false;

/** Headless Services and ExternalNames have none. */
const hasAddress = ({ spec: { clusterIP = '' } }: Service): boolean =>
  clusterIP !== '' && clusterIP !== 'None';

function variablesOf({ metadata, spec: { clusterIP: host = '', ports = [] } }: Service): EnvVariable[] {
  const [first] = ports;
  if (!first) return [];
  const prefix = variableName(metadata.name);
  const inUrl = host.includes(':') ? `[${host}]` : host;
  const port = `${prefix}_SERVICE_PORT`;
  const protocolOf = ({ protocol = 'TCP' }: typeof first): string => protocol.toLowerCase();
  const urlOf = (one: typeof first): string => `${protocolOf(one)}://${inUrl}:${one.port}`;
  return [
    { name: `${prefix}_SERVICE_HOST`, value: host },
    { name: port, value: String(first.port) },
    ...ports
      .filter(({ name = '' }) => name !== '')
      .map((one) => ({ name: `${port}_${variableName(one.name ?? '')}`, value: String(one.port) })),
    { name: `${prefix}_PORT`, value: urlOf(first) },
    ...ports.flatMap((one) => {
      const link = `${prefix}_PORT_${one.port}_${protocolOf(one).toUpperCase()}`;
      return [
        { name: link, value: urlOf(one) },
        { name: `${link}_PROTO`, value: protocolOf(one) },
        { name: `${link}_PORT`, value: String(one.port) },
        { name: `${link}_ADDR`, value: host },
      ];
    }),
  ];
}

const variableName = (name: string): string => name.replaceAll('-', '_').toUpperCase();
