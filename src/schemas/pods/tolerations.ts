/** Tolerations and taints (core/v1): does one of these tolerations cover this taint? */
import type { Taint, Toleration } from '../types.ts';

type TaintLike = Pick<Taint, 'key' | 'effect'> & { readonly value?: string };

/** Upstream's `ToleratesTaint`: an empty effect or key is a wildcard; Gt and Lt take integers. */
export function tolerates(toleration: Toleration, taint: TaintLike): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  const operator: string = toleration.operator ?? 'Equal';
  switch (operator) {
    case '':
    case 'Equal':
      return (toleration.value ?? '') === (taint.value ?? '');
    case 'Exists':
      return true;
    case 'Gt':
      return compareIntegers(taint.value, toleration.value) > 0;
    case 'Lt':
      return compareIntegers(taint.value, toleration.value) < 0;
    default:
      return false;
  }
}

export function toleratesTaint(tolerations: readonly Toleration[], taint: TaintLike): boolean {
  return tolerations.some((toleration) => tolerates(toleration, taint));
}

/** NaN where either side is no integer, so that neither comparison holds. */
function compareIntegers(a: string | undefined, b: string | undefined): number {
  const integer = /^-?\d+$/;
  if (a === undefined || b === undefined || !integer.test(a) || !integer.test(b)) return Number.NaN;
  return Number(a) - Number(b);
}
