/** The table of rules as Markdown: docs/FIELDS.md, which a test compares with it. */
import type { ResourceKind } from '../resource-kind.ts';
import {
  applicationRules,
  type FieldRule,
  nodeRules,
  podRules,
  priorityClassRules,
  serviceRules,
} from './rules.ts';

const INTRODUCTION = `# Fields

Which fields Symphony implements. What is well-formed by the Kubernetes API (1.36) and not listed here is implemented, or
belongs to a kind whose effect is described with that kind. \`*\` stands for every list item or map key. The source of this
file is src/schemas/profile/rules.ts; \`node --import tsx scripts/fields.ts\` writes it again.

A refused field is an error in a repository. The API keeps pods and pod templates that have one, as Kubernetes does, and warns:
such pods stay Pending, with the field in their condition, and a node that is named in one fails it. Nothing runs otherwise
than it says ([ADR 18](adr/0018-unimplemented-fields-wait.md)). Applications and Nodes are refused by the API, too.
`;

const KINDS_INTRODUCTION = `## Kinds that are only stored

The API serves these kinds, so that clients find what they expect, but nothing acts on their objects yet. In a repository,
an object that would be missed is refused, since it would be taken for done; one on which nothing depends is accepted.

| kind | in a repository | why |
|---|---|---|
`;
const HARMLESS = 'stored; what refers to it is refused, or accepted and ignored as said above';

export function renderFields(kinds: readonly ResourceKind[]): string {
  const sections: readonly (readonly [string, readonly FieldRule[]])[] = [
    ['Pods and pod templates (below the pod spec)', podRules],
    ['Application', applicationRules],
    ['Node', nodeRules],
    ['Service', serviceRules],
    ['PriorityClass', priorityClassRules],
  ];
  return (
    [INTRODUCTION, ...sections.map(([title, rules]) => renderSection(title, rules))].join('\n') +
    renderKinds(kinds)
  );
}

function renderKinds(kinds: readonly ResourceKind[]): string {
  const rows = kinds
    .filter(({ behaviour }) => behaviour === 'stored')
    .sort((a, b) => (a.kind < b.kind ? -1 : 1))
    .map(({ kind, missing, idle }) =>
      missing === undefined
        ? `| ${kind} | accepted | ${idle === undefined ? '' : `${idle}; `}${HARMLESS} |`
        : `| ${kind} | refused | ${missing} |`,
    );
  return `\n${KINDS_INTRODUCTION}${rows.join('\n')}\n`;
}

function renderSection(title: string, rules: readonly FieldRule[]): string {
  const rows = (verdict: FieldRule['verdict']): string[] =>
    rules
      .filter((rule) => rule.verdict === verdict)
      .map((rule) => `| \`${rule.path}\`${exceptions(rule)} | ${rule.advice} |`);
  const table = (heading: string, column: string, list: readonly string[]): string =>
    list.length === 0 ? '' : `\n### ${heading}\n\n| field | ${column} |\n|---|---|\n${list.join('\n')}\n`;
  return `## ${title}\n${table('Refused', 'what to do', rows('refused'))}${table('Accepted and ignored', 'why', rows('ignored'))}`;
}

function exceptions(rule: FieldRule): string {
  if (rule.keyPrefix !== undefined) return ` (only ${rule.keyPrefix}…)`;
  const values = rule.except?.filter((value) => value !== '').map(String) ?? [];
  return values.length === 0 ? '' : ` (except ${values.join(', ')})`;
}
