/** All functions that expressions may call: the language's own and those that Kubernetes adds. */
import type { Overload } from '../overload.ts';
import { addresses, urls } from './addresses.ts';
import { lists } from './lists.ts';
import { operators } from './operators.ts';
import { optionals } from './optionals.ts';
import { kubernetesTypes } from './quantities.ts';
import { standard } from './standard.ts';
import { texts } from './texts.ts';

const all: readonly Overload[] = [
  ...operators,
  ...standard,
  ...texts,
  ...lists,
  ...optionals,
  ...addresses,
  ...urls,
  ...kubernetesTypes,
];

const functions = new Map<string, Overload[]>();
const methods = new Map<string, Overload[]>();
for (const one of all) {
  const table = one.isMethod ? methods : functions;
  const group = table.get(one.name);
  if (group) group.push(one);
  else table.set(one.name, [one]);
}

/** Overloads of a function (also of a namespace: `sets.contains`) or an operator. */
export const functionsCalled = (name: string): readonly Overload[] => functions.get(name) ?? [];
export const methodsCalled = (name: string): readonly Overload[] => methods.get(name) ?? [];
