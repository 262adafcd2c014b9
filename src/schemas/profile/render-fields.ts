/** The table of rules as Markdown: docs/FIELDS.md, which a test compares with it. */
import type { ResourceKind } from '../resource-kind.ts';
import { podRules } from './pod-rules.ts';
import type { FieldRule } from './rules.ts';

const INTRODUCTION = `# Fields

Which fields Symphony implements. What is well-formed by the Kubernetes API (1.36) and not listed
here is implemented, or belongs to a kind whose effect is described with that kind. \`*\` stands
for every list item or map key. The source of this file is src/schemas/profile/rules.ts;
\`node --import tsx scripts/fields.ts\` writes it again.

A refused field is an error in a repository. The API keeps pods and pod templates that have one,
as Kubernetes does, and warns: such pods stay Pending, with the field in their condition, and a
node that is named in one fails it. Nothing runs otherwise than it says
([ADR 18](adr/0018-unimplemented-fields-wait.md)). Applications and Nodes are refused by the API,
too.
`;

const KINDS_INTRODUCTION = `## Kinds that are only stored

The API serves these kinds, so that clients find what they expect, but nothing acts on their
objects yet. In a repository, an object that would be missed is refused, since it would be taken
for done; one on which nothing depends is accepted.

| kind | in a repository | why |
|---|---|---|
`;
const HARMLESS = 'stored; what refers to it is refused, or accepted and ignored as said above';

export function renderFields(kinds: readonly ResourceKind[]): string {
  const sections: readonly (readonly [string, readonly FieldRule[]])[] = [
    ['Pods and pod templates (below the pod spec)', podRules],
    ...kinds.flatMap(({ kind, fields }) => (fields ? [[kind, fields] as const] : [])),
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
    .map(({ kind, idle }) => `| ${kind} | accepted | ${idle === undefined ? '' : `${idle}; `}${HARMLESS} |`);
  // A kind that is served in several versions has one row.
  return `\n${KINDS_INTRODUCTION}${[...new Set(rows)].join('\n')}\n`;
}

function renderSection(title: string, rules: readonly FieldRule[]): string {
  return `## ${title}\n${renderTable('Refused', 'what to do', rules, 'refused')}${renderTable('Accepted and ignored', 'why', rules, 'ignored')}`;
}

/** One row an advice, with all the fields that it is about. */
function renderTable(
  heading: string,
  column: string,
  rules: readonly FieldRule[],
  verdict: FieldRule['verdict'],
): string {
  const fields = new Map<string, string[]>();
  for (const rule of rules)
    if (rule.verdict === verdict)
      fields.set(rule.advice, [...(fields.get(rule.advice) ?? []), `\`${rule.path}\`${exceptions(rule)}`]);
  if (fields.size === 0) return '';
  const rows = [...fields].map(([advice, paths]) => `| ${paths.join(', ')} | ${advice} |\n`);
  return `\n### ${heading}\n\n| field | ${column} |\n|---|---|\n${rows.join('')}`;
}

function exceptions(rule: FieldRule): string {
  if (rule.keyPrefix !== undefined) return ` (only ${rule.keyPrefix}…)`;
  const values = rule.except?.filter((value) => value !== '').map(String) ?? [];
  return values.length === 0 ? '' : ` (except ${values.join(', ')})`;
}
