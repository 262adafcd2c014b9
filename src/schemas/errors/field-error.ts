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

/** Absent fields and unknown words are for validation to speak about, which knows all of them at once. */
export const isMeaning = ({ type }: FieldError): boolean =>
  type === 'FieldValueRequired' || type === 'FieldValueNotSupported';

export interface FieldError {
  readonly type: FieldErrorType;
  /** As Kubernetes writes it: `spec.containers[0].image`, `metadata.labels`. Empty for the whole object. */
  readonly path: string;
  /** The offending value, where the message shows it. */
  readonly value?: unknown;
  readonly detail: string;
}
