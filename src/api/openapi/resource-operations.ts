/**
 * The operations of one resource. Names, actions and answers are Kubernetes', since clients look
 * operations up by them: kubectl finds out by the patch operation whether a kind knows `dryRun` and
 * `fieldValidation`.
 */
import type { ServedResource } from '../../schemas/resource-kind.ts';
import { returnsDeleted } from '../http/methods.ts';
import {
  answersOf,
  basePath,
  type Operation,
  type OperationPath,
  type ResourceSchemas,
} from './operations.ts';
import * as parameters from './parameters.ts';
import {
  component,
  lists,
  META,
  operation,
  type Place,
  placeOf,
  producedBy,
  reads,
  writes,
} from './place.ts';
import { subresourceOperations } from './subresource-operations.ts';

const MAIN_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

function verbsOf(resource: ServedResource): ReadonlySet<string> {
  const whole = resource.group === '' && resource.kind === 'Namespace';
  const verbs = resource.verbs ?? MAIN_VERBS;
  return new Set(whole ? verbs.filter((verb) => verb !== 'deletecollection') : verbs);
}

/** All paths of a resource. */
export function operationsOf(resource: ServedResource, schemas: ResourceSchemas): readonly OperationPath[] {
  const place = placeOf(resource, schemas);
  const verbs = verbsOf(resource);
  const { word, collection } = place;
  const everywhere = `${basePath(resource)}/${resource.plural}`;
  const all = lists(place, `list${word}${resource.kind}ForAllNamespaces`, 'list', [], schemas.list);
  const paths: readonly OperationPath[] = [
    { path: everywhere, operations: resource.namespaced && verbs.has('list') ? [all] : [] },
    { path: collection, operations: collectionOperations(place, verbs) },
    { path: `${collection}/{name}`, operations: objectOperations(place, verbs) },
    ...resource.subresources.flatMap((name) => subresourceOperations(place, name)),
    ...(verbs.has('watch') && schemas.builtin ? oldWatches(place) : []),
  ];
  return paths.filter(({ operations }) => operations.length > 0);
}

function collectionOperations(place: Place, verbs: ReadonlySet<string>): readonly Operation[] {
  const { word, scopedKind, scope, schemas } = place;
  const name = `${word}${scopedKind}`;
  return [
    ...(verbs.has('list') ? [lists(place, `list${name}`, 'list', scope, schemas.list)] : []),
    ...(verbs.has('create')
      ? [writes(place, 'post', `create${name}`, { schema: schemas.object }, scope)]
      : []),
    ...(verbs.has('deletecollection') ? [removal(place, true)] : []),
  ];
}

function objectOperations(place: Place, verbs: ReadonlySet<string>): readonly Operation[] {
  const name = `${place.word}${place.scopedKind}`;
  const subject = { schema: place.schemas.object };
  return [
    ...(verbs.has('get') ? [reads(place, `read${name}`, subject)] : []),
    ...(verbs.has('update') ? [writes(place, 'put', `replace${name}`, subject)] : []),
    ...(verbs.has('delete') ? [removal(place, false)] : []),
    ...(verbs.has('patch') ? [writes(place, 'patch', `patch${name}`, subject)] : []),
  ];
}

/** The deletion of one object, or of the whole collection. */
function removal(place: Place, whole: boolean): Operation {
  const { word, scopedKind, schemas, resource } = place;
  const status = component(`${META}Status`);
  const returned = returnsDeleted(resource) ? schemas.object : status;
  const query = whole ? parameters.DELETE_COLLECTION : parameters.DELETE;
  return operation(place, {
    method: 'delete',
    id: `delete${word}${whole ? 'Collection' : ''}${scopedKind}`,
    action: whole ? 'deletecollection' : 'delete',
    parameters: [...(whole ? place.scope : place.object), ...query, ...parameters.PRETTY],
    body: { consumes: ['*/*'], schema: component(`${META}DeleteOptions`), required: false },
    answers: whole
      ? answersOf(['200'], status, producedBy(place))
      : answersOf(['200', '202'], returned, producedBy(place)),
  });
}

/** The watch paths of Kubernetes' first API. */
function oldWatches(place: Place): readonly OperationPath[] {
  const { word, scopedKind, collection, scope, object, resource } = place;
  const event = component(`${META}WatchEvent`);
  const base = basePath(resource);
  const old = collection.replace(base, `${base}/watch`);
  const one = lists(place, `watch${word}${scopedKind}`, 'watch', object, event);
  const many = lists(place, `watch${word}${scopedKind}List`, 'watchlist', scope, event);
  const all = lists(place, `watch${word}${resource.kind}ListForAllNamespaces`, 'watchlist', [], event);
  return [
    { path: old, operations: [many] },
    { path: `${old}/{name}`, operations: [one] },
    { path: `${base}/watch/${resource.plural}`, operations: resource.namespaced ? [all] : [] },
  ];
}
