/** The table of rules as Markdown: docs/FIELDS.md, which a test compares with it. */
import { applicationRules, type FieldRule, nodeRules, podRules } from './rules.ts';

const INTRODUCTION = `# Fields

Which fields Symphony implements. What is well-formed by the Kubernetes API (1.36) and not listed here is implemented, or
belongs to a kind whose effect is described with that kind. \`*\` stands for every list item or map key. The source of this
file is src/schemas/profile/rules.ts; \`node --import tsx scripts/fields.ts\` writes it again.
`;

export function renderFields(): string {
  const sections: readonly (readonly [string, readonly FieldRule[]])[] = [
    ['Pods and pod templates (below the pod spec)', podRules],
    ['Application', applicationRules],
    ['Node', nodeRules],
  ];
  return [INTRODUCTION, ...sections.map(([title, rules]) => renderSection(title, rules))].join('\n');
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
  const values = rule.exceptKeys ?? rule.except?.filter((value) => value !== '').map(String) ?? [];
  return values.length === 0 ? '' : ` (except ${values.join(', ')})`;
}
