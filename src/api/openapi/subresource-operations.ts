/** The operations of subresources: streams, types of their own, and parts of the object. */
import {
  answersOf,
  capital,
  type GroupVersionKind,
  type Method,
  type Operation,
  type OperationPath,
} from './operations.ts';
import * as parameters from './parameters.ts';
import { inPath, type Parameter } from './parameters.ts';
import { component, operation, type Place, producedBy, reads, writes } from './place.ts';

export function subresourceOperations(place: Place, name: string): readonly OperationPath[] {
  const path = `${place.collection}/{name}/${name}`;
  const connect = CONNECTS[name];
  if (connect) return connects(place, name, path, connect);
  const suffix = `${place.word}${place.scopedKind}${capital(name)}`;
  if (name === 'log') return [{ path, operations: [logOperation(place, `read${suffix}`)] }];
  const own = OWN_TYPES[name];
  const subject = own ? { schema: component(own.component), gvk: own.gvk } : { schema: place.schemas.object };
  if (own?.creates) return [{ path, operations: [writes(place, 'post', `create${suffix}`, subject)] }];
  const put = writes(place, 'put', `replace${suffix}`, subject);
  if (name === 'finalize') return [{ path, operations: [put] }];
  const get = reads(place, `read${suffix}`, subject);
  return [{ path, operations: [get, put, writes(place, 'patch', `patch${suffix}`, subject)] }];
}

function logOperation(place: Place, id: string): Operation {
  const read = reads(place, id, { schema: { type: 'string' } });
  return {
    ...read,
    parameters: [...read.parameters, ...parameters.LOG],
    answers: answersOf(['200'], { type: 'string' }, [...producedBy(place), 'text/plain']),
  };
}

function connects(place: Place, name: string, path: string, shape: ConnectShape): readonly OperationPath[] {
  const { word, scopedKind, resource } = place;
  const operations = (suffix: string, more: readonly Parameter[]): readonly Operation[] =>
    shape.methods.map((method) =>
      operation(place, {
        gvk: { group: '', version: 'v1', kind: shape.kind(resource.kind) },
        method,
        id: `connect${word}${capital(method)}${scopedKind}${capital(name)}${suffix}`,
        action: 'connect',
        parameters: [...place.object, ...more, ...shape.parameters],
        answers: answersOf(['200'], { type: 'string' }, ['*/*']),
      }),
    );
  const main = { path, operations: operations('', []) };
  if (!shape.withPath) return [main];
  return [main, { path: `${path}/{path}`, operations: operations('WithPath', inPath('path')) }];
}

interface ConnectShape {
  readonly methods: readonly Method[];
  readonly parameters: readonly Parameter[];
  readonly withPath: boolean;
  /** Kind of its options. */
  kind(of: string): string;
}

function stream(kind: string, query: readonly Parameter[]): ConnectShape {
  return { methods: ['get', 'post'], parameters: query, withPath: false, kind: () => kind };
}

const CONNECTS: Readonly<Partial<Record<string, ConnectShape>>> = {
  attach: stream('PodAttachOptions', parameters.ATTACH),
  exec: stream('PodExecOptions', parameters.EXEC),
  portforward: stream('PodPortForwardOptions', parameters.PORT_FORWARD),
  proxy: {
    methods: ['get', 'put', 'post', 'delete', 'options', 'head', 'patch'],
    parameters: parameters.PROXY,
    withPath: true,
    kind: (of) => `${of}ProxyOptions`,
  },
};

interface OwnType {
  readonly component: string;
  readonly gvk: GroupVersionKind;
  readonly creates?: true;
}

/** Subresources that have a type of their own. */
const OWN_TYPES: Readonly<Partial<Record<string, OwnType>>> = {
  scale: {
    component: 'io.k8s.api.autoscaling.v1.Scale',
    gvk: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
  },
  binding: {
    component: 'io.k8s.api.core.v1.Binding',
    gvk: { group: '', version: 'v1', kind: 'Binding' },
    creates: true,
  },
  eviction: {
    component: 'io.k8s.api.policy.v1.Eviction',
    gvk: { group: 'policy', version: 'v1', kind: 'Eviction' },
    creates: true,
  },
  token: {
    component: 'io.k8s.api.authentication.v1.TokenRequest',
    gvk: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' },
    creates: true,
  },
};
