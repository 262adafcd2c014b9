/** Texts that follow a rule or are one of a few words, required or not. */
import { asString, isAbsent } from '../json-access.ts';
import type { NameRule } from './names.ts';
import { type FieldErrors, invalidAll, notSupported, required } from './report.ts';

export function optionalText(value: unknown, path: string, rule: NameRule): FieldErrors {
  const text = asString(value);
  return text === '' ? [] : invalidAll(path, text, rule(text));
}

export const requiredText = (value: unknown, path: string, rule: NameRule): FieldErrors =>
  asString(value) === '' ? [required(path)] : optionalText(value, path, rule);

/** Only a missing value is fine: an empty text is none of the words. */
export const optionalWord = (value: unknown, path: string, words: readonly string[]): FieldErrors =>
  isAbsent(value) || words.includes(asString(value)) ? [] : [notSupported(path, value, words)];

export const requiredWord = (value: unknown, path: string, words: readonly string[]): FieldErrors =>
  asString(value) === '' ? [required(path)] : optionalWord(value, path, words);
