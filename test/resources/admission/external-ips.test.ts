import { describe, expect, it } from 'vitest';
import { externalIps } from '../../../src/resources/admission/external-ips.ts';
import type { AdmissionDependencies, AdmissionRequest } from '../../../src/resources/admission/types.ts';
import { serviceKind } from '../../../src/schemas/kinds/service/kind.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { aService } from '../../support/services.ts';

const withIps = (...externalIPs: readonly string[]): KubeObject => aService({ externalIPs });

function admit(
  object: KubeObject,
  facts: { current?: KubeObject; allowed?: readonly string[] } = {},
): string {
  const { current, allowed } = facts;
  const request = { kind: serviceKind, object, current } as unknown as AdmissionRequest;
  const policy = { defaultPodSecurity: 'baseline', ...(allowed ? { allowedExternalIps: allowed } : {}) };
  if (!externalIps.applies(request)) return 'admitted';
  try {
    void externalIps.admit(request, { policy } as unknown as AdmissionDependencies);
    return 'admitted';
  } catch (error) {
    return (error as Error).message;
  }
}
const DENIED = 'services "web" is forbidden: Use of external IPs is denied by admission control.';

describe('external IPs of a Service', () => {
  it('are denied unless they are allowed', () => {
    expect(admit(withIps('192.0.2.9'))).toBe(DENIED);
    expect(admit(withIps('192.0.2.9'), { allowed: ['192.0.2.0/28'] })).toBe('admitted');
    expect(admit(withIps('192.0.2.9', '192.0.2.99'), { allowed: ['192.0.2.0/28'] })).toBe(DENIED);
    expect(admit(withIps('fd00::1'), { allowed: ['192.0.2.0/28'] })).toBe(DENIED);
    expect(admit(withIps())).toBe('admitted');
  });

  it('stay where a Service has them, and may become fewer, but no others', () => {
    const current = withIps('192.0.2.9', '192.0.2.10');
    expect(admit(current, { current })).toBe('admitted');
    expect(admit(withIps('192.0.2.10'), { current })).toBe('admitted');
    expect(admit(withIps('192.0.2.9', '192.0.2.11'), { current })).toBe(DENIED);
  });
});
