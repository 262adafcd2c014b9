/** Asks the authorizer and turns its no into the 403 that clients know. */
import { andThen, type Eventually } from '../../base/eventually.ts';
import { failure, type StatusError } from '../../schemas/errors/status.ts';
import type { UserInfo } from '../types.ts';
import { type Authorizer, denialText, type ResourceAttributes } from './types.ts';

/** Throws 403. */
export function authorize(
  authorizer: Pick<Authorizer, 'authorize'>,
  user: UserInfo,
  attributes: ResourceAttributes,
): Eventually<void> {
  return andThen(authorizer.authorize(user, attributes), ({ allowed, reason }) => {
    if (!allowed) throw denied(attributes, `${denialText(user, attributes)}${reason ? `: ${reason}` : ''}`);
  });
}

function denied(attributes: ResourceAttributes, why: string): StatusError {
  const { group, resource: plural } = attributes;
  const resource = group === '' ? plural : `${plural}.${group}`;
  const subject = attributes.name === undefined ? resource : `${resource} ${JSON.stringify(attributes.name)}`;
  return failure(403, 'Forbidden', `${subject} is forbidden: ${why}`, {
    ...(attributes.name === undefined ? {} : { name: attributes.name }),
    ...(group === '' ? {} : { group }),
    kind: plural,
  });
}
