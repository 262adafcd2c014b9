/**
 * A Service that takes an address of `externalIPs` takes the traffic that others send there
 * (CVE-2020-8554). Only addresses that the operator allows may be added. Source: the plug-in
 * DenyServiceExternalIPs, which allows none.
 */
import { cidrContains } from '../../base/cidr.ts';
import { asList, asString, getPath } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { deny } from '../refusals.ts';
import type { AdmissionRule } from './types.ts';

const addressesOf = (service: KubeObject | undefined): readonly string[] =>
  asList(service && getPath(service, 'spec', 'externalIPs')).map(asString);

export const externalIps: AdmissionRule = {
  name: 'DenyServiceExternalIPs',
  applies: ({ kind, object }) =>
    kind.group === '' && kind.kind === 'Service' && addressesOf(object).length > 0,
  admit({ kind, object, current }, { policy: { allowedExternalIps = [] } }) {
    const kept = addressesOf(current);
    const isAllowed = (address: string): boolean =>
      kept.includes(address) || allowedExternalIps.some((cidr) => cidrContains(cidr, `${address}/32`));
    if (addressesOf(object).every(isAllowed)) return Promise.resolve(object);
    throw deny(kind, object, 'Use of external IPs is denied by admission control.');
  },
};
