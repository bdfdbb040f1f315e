import { LIMITS } from './limits.ts';

/**
 * What an agent may be called: RFC 1123's host name (letters, digits, dots, dashes, underscores for the real world),
 * lower case, so that a name is safe in a shell, a path, a terminal and a target expression.
 * Returns why a name is refused, or undefined.
 */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'the name is empty';
  if (name.length > LIMITS.nameChars) return `the name is longer than ${LIMITS.nameChars} characters`;
  if (!/^[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?$/.test(name))
    return 'a name has lower-case letters, digits, dots, dashes and underscores, and neither begins nor ends with a dot or dash';
  if (name.includes('..')) return 'a name has no two dots in a row';
  if (RESERVED.has(name)) return 'the name is reserved';
  if (AGENT_ID.test(name)) return "the name looks like another agent's id";
  return undefined;
}

/** `all` is a target; the others are properties that every JavaScript object has. */
const RESERVED = new Set(['all', '__proto__', 'constructor', 'prototype']);

/** Where a name or an id is taken, no agent may call itself by another's id. */
const AGENT_ID = /^[0-9a-f]{32}$/;

/** Kubernetes' syntax for label keys (without prefix) and values. Returns why a label is refused, or undefined. */
export function labelProblem(key: string, value: string): string | undefined {
  if (!/^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$/.test(key) || key.length > LIMITS.labelKeyChars)
    return 'a label key has up to 63 letters, digits, dots, dashes, underscores or slashes';
  if (value.length > LIMITS.labelValueChars || !/^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$/.test(value))
    return 'a label value has up to 63 letters, digits, dots, dashes or underscores';
  return undefined;
}
