/** One rule of `x-kubernetes-validations`, compiled against the type of its schema. */
import {
  type CelType,
  CompileError,
  compileProgram,
  type Extent,
  formatType,
  optionalOf,
  type Program,
} from '../../cel/index.ts';
import { asRecord, asString } from '../../json-access.ts';

export interface Rule {
  readonly rule: string;
  readonly message: string;
  readonly messageExpression: string;
  readonly reason: string | undefined;
  readonly fieldPath: string;
  readonly optionalOldSelf: boolean | undefined;
}

export function readRule(value: unknown): Rule {
  const { rule, message, messageExpression, reason, fieldPath, optionalOldSelf } = asRecord(value);
  return {
    rule: asString(rule),
    message: asString(message),
    messageExpression: asString(messageExpression),
    reason: typeof reason === 'string' ? reason : undefined,
    fieldPath: asString(fieldPath),
    optionalOldSelf: typeof optionalOldSelf === 'boolean' ? optionalOldSelf : undefined,
  };
}

export interface CompiledRule extends Rule {
  readonly program: Program;
  readonly messageProgram: Program | undefined;
  /** Whether it compares with the old value. */
  readonly isTransition: boolean;
}

/** The error of a rule's expression, or of its message expression. */
export interface RuleProblem {
  readonly member: 'rule' | 'messageExpression';
  readonly text: string;
}

/** `extent` is given to estimate the cost. */
export function compileRule(rule: Rule, self: CelType, extent?: Extent): CompiledRule | RuleProblem {
  const oldSelf = rule.optionalOldSelf === true ? optionalOf(self) : self;
  const scope = new Map([
    ['self', self],
    ['oldSelf', oldSelf],
  ]);
  const compile = (source: string): Program | string => {
    try {
      return compileProgram(source, scope, extent);
    } catch (error) {
      if (error instanceof CompileError) return error.message;
      throw error;
    }
  };
  const program = compile(rule.rule);
  if (typeof program === 'string') return { member: 'rule', text: `compilation failed: ${program}` };
  if (formatType(program.type) !== 'bool')
    return { member: 'rule', text: 'cel expression must evaluate to a bool' };
  const message = rule.messageExpression.trim() === '' ? undefined : compile(rule.messageExpression);
  if (typeof message === 'string')
    return { member: 'messageExpression', text: `messageExpression compilation failed: ${message}` };
  if (message && formatType(message.type) !== 'string')
    return { member: 'messageExpression', text: 'messageExpression must evaluate to a string' };
  return { ...rule, program, messageProgram: message, isTransition: program.uses.has('oldSelf') };
}

export const isProblem = (result: CompiledRule | RuleProblem): result is RuleProblem => 'member' in result;

/** The name of a rule in messages: its message, or else its text. */
export const shownRule = ({ message, rule }: Rule): string => (message === '' ? rule : message).trim();
export const failedRule = (rule: Rule): string =>
  rule.message === '' ? `failed rule: ${shownRule(rule)}` : rule.message.trim();

/** As upstream's messages show a rule: its internal struct. */
export const ruleForm = (rule: Rule): unknown => ({
  Rule: rule.rule,
  Message: rule.message,
  MessageExpression: rule.messageExpression,
  Reason: rule.reason ?? null,
  FieldPath: rule.fieldPath,
  OptionalOldSelf: rule.optionalOldSelf ?? null,
});
