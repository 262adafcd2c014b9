/**
 * Records who wrote the spec of an Application: its sync has that user's rights. A request cannot
 * set the record; a write that leaves the spec as it is keeps it. The sync worker records the
 * author of the Application that holds the other one in Git, and can write no other record.
 */
import { jsonEqual } from '../../base/json.ts';
import {
  AUTHOR_ANNOTATION,
  authorText,
  isApplication,
  withAuthorText,
} from '../../schemas/applications/application-author.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { AdmissionRule } from './types.ts';

export const applicationAuthor: AdmissionRule = {
  name: 'ApplicationAuthor',
  applies: ({ object, internal, author, subresource }) =>
    isApplication(object) && subresource === undefined && (!internal || author !== undefined),
  admit({ kind, object, current, context, internal, author }) {
    const own = authorText(internal && author ? author : context.user);
    if (!current || !jsonEqual(kind.withDefaults(object)['spec'], current['spec']))
      return Promise.resolve(withAuthorText(object, own));
    const takesOver = internal && recordOf(object) === own;
    return Promise.resolve(withAuthorText(object, takesOver ? own : recordOf(current)));
  },
};

const recordOf = ({ metadata }: KubeObject): string | undefined => metadata.annotations?.[AUTHOR_ANNOTATION];
