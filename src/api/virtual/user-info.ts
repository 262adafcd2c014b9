/** A user as the API shows it: `authentication.k8s.io/v1 UserInfo`. */
import type { UserInfo } from '../../resources/types.ts';

export function userInfoJson({ name, uid, groups, extra }: UserInfo): Record<string, unknown> {
  return {
    username: name,
    ...(uid === undefined || uid === '' ? {} : { uid }),
    ...(groups.length === 0 ? {} : { groups }),
    ...(extra === undefined || Object.keys(extra).length === 0 ? {} : { extra }),
  };
}
