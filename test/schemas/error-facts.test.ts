import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/schemas/object.ts';
import { invalid, type Status, StatusError } from '../../src/schemas/errors/status.ts';
import { parseFieldSelector, checkFieldSelector } from '../../src/schemas/values/field-selectors.ts';
import { parseLabelSelector } from '../../src/schemas/values/selectors.ts';
import { prepareCreate, prepareUpdate } from '../../src/schemas/strategy/index.ts';
import { podKind } from '../../src/schemas/kinds/pod/kind.ts';
import { deepFreeze } from '../support/deep-freeze.ts';
import { casesOf, createContext, fillPlaceholders, inTestNamespace, kindOf, readFact } from './facts.ts';

interface ErrorFact {
  readonly setup?: readonly { readonly request: { readonly body: KubeObject } }[];
  readonly request: { readonly method: string; readonly query?: string; readonly body: KubeObject };
  readonly response: { readonly code: number; readonly body: Status };
}

/** Refused later, by what allocates addresses and ports in the API server. */
const ALLOCATION = new Set([
  '128-service-clusterip-out-of-range.json',
  '129-service-nodeport-out-of-range.json',
  '136-service-nodeport-already-allocated.json',
]);

const all = casesOf('errors').map((name) => ({ name, fact: readFact<ErrorFact>(`errors/${name}`) }));

function create(body: KubeObject): KubeObject {
  const object = deepFreeze(inTestNamespace(body));
  return deepFreeze(prepareCreate(kindOf(object), object, createContext));
}

function answerTo(fact: ErrorFact): Status {
  const body = fact.request.body;
  const stored = fact.setup?.[0] && create(fact.setup[0].request.body);
  const kind = kindOf(body);
  const object = stored
    ? prepareUpdate(kind, stored, deepFreeze(inTestNamespace(body)), { nowMs: 0 })
    : create(body);
  const errors = [...kind.validate(object), ...(stored ? kind.validateUpdate(object, stored) : [])];
  return invalid(kind, object.metadata.name, errors).status;
}

describe('validation answers as Kubernetes 1.36 does', () => {
  for (const { name, fact } of all.filter((entry) => entry.fact.response.code === 422)) {
    if (ALLOCATION.has(name)) continue;
    it(name, () => {
      expect(answerTo(fact)).toEqual(fillPlaceholders(fact.response.body));
    });
  }

  it('leaves to allocation what only allocation can know', () => {
    for (const { name, fact } of all.filter((entry) => ALLOCATION.has(entry.name))) {
      const object = create(fact.request.body);
      expect({ name, errors: kindOf(object).validate(object) }).toEqual({ name, errors: [] });
    }
  });
});

describe('selectors are refused as Kubernetes 1.36 refuses them', () => {
  for (const { name, fact } of all.filter((entry) => entry.fact.response.code === 400)) {
    it(name, () => {
      const query = new URLSearchParams(fact.request.query);
      const parse = (): void => {
        parseLabelSelector(query.get('labelSelector') ?? '');
        checkFieldSelector(podKind, parseFieldSelector(query.get('fieldSelector') ?? ''));
      };
      expect(parse).toThrow(StatusError);
      expect(parse).toThrow(fact.response.body.message);
    });
  }
});
