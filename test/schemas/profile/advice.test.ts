/**
 * Advice has to work as the cluster comes: with the level `baseline`, which refuses what reaches
 * the host.
 */
import { expect, it } from 'vitest';
import { aPod } from '../../support/builders.ts';
import { ENFORCE_LABEL, namespacePolicy } from '../../../src/schemas/pod-security/namespace-policy.ts';
import { foreseeRefusal } from '../../../src/schemas/pod-security/plan-pod-security.ts';
import { rulesByKind } from './rules-by-kind.ts';
import { builtinKinds } from '../../../src/schemas/registry.ts';

const advice = [
  ...[...rulesByKind.values()].flat().map((rule) => rule.advice),
  ...builtinKinds.flatMap(({ idle }) => idle ?? []),
];
const NEEDS_PRIVILEGE = /hostPath|hostPort|hostNetwork|hostPID|hostIPC|privileged container/;

it('names the label that it needs, where the default level would refuse what it says', () => {
  const bold = advice.filter((text) => NEEDS_PRIVILEGE.test(text));
  expect(bold.length).toBeGreaterThan(3);
  for (const text of bold) expect(text).toContain(`${ENFORCE_LABEL}: privileged`);
});

it('the label is enough for hostPort and hostPath', () => {
  const pod = aPod({
    spec: {
      containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 80 }] }],
      volumes: [{ name: 'v', hostPath: { path: '/srv' } }],
    },
  });
  const policy = (labels: Record<string, string>) => namespacePolicy('a', labels, 'baseline');
  expect(foreseeRefusal(pod, policy({}))?.label).toBe(`${ENFORCE_LABEL}: privileged`);
  expect(foreseeRefusal(pod, policy({ [ENFORCE_LABEL]: 'privileged' }))).toBeUndefined();
});
