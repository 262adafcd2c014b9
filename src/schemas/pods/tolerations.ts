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

/** kube-apiserver's --default-not-ready-toleration-seconds and its sibling. */
const UPSTREAM_SECONDS = { notReady: 300, unreachable: 300 };

/**
 * How long a pod that does not say so stays bound to a node that is away. The very same list comes
 * back where the pod says both. Source: the admission plug-in DefaultTolerationSeconds.
 */
export function withAwayTolerations(
  tolerations: readonly Toleration[],
  { notReady, unreachable } = UPSTREAM_SECONDS,
): readonly Toleration[] {
  const away = [
    ['node.kubernetes.io/not-ready', notReady],
    ['node.kubernetes.io/unreachable', unreachable],
  ] as const;
  const covers = ({ key, effect }: Toleration, taint: string): boolean =>
    (!key || key === taint) && (!effect || effect === 'NoExecute');
  const missing = away.filter(([taint]) => !tolerations.some((toleration) => covers(toleration, taint)));
  if (missing.length === 0) return tolerations;
  return [
    ...tolerations,
    ...missing.map(
      ([key, tolerationSeconds]): Toleration => ({
        key,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds,
      }),
    ),
  ];
}
