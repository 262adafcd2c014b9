/** One complaint about one field, in the terms of Kubernetes' `field.Error`. */
export type FieldErrorType =
  | 'FieldValueRequired'
  | 'FieldValueInvalid'
  | 'FieldValueDuplicate'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'FieldValueNotFound'
  | 'FieldValueTypeInvalid'
  | 'InternalError';

export interface FieldError {
  readonly type: FieldErrorType;
  /** As Kubernetes writes it: `spec.containers[0].image`, `metadata.labels`. Empty for the whole object. */
  readonly path: string;
  /** The offending value, where the message shows it. */
  readonly value?: unknown;
  readonly detail: string;
}
