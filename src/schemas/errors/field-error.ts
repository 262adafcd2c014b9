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

/** Validation reports absent fields and unknown words, since it knows them all. */
export const isMeaning = ({ type }: FieldError): boolean =>
  type === 'FieldValueRequired' || type === 'FieldValueNotSupported';

export interface FieldError {
  readonly type: FieldErrorType;
  /** In Kubernetes' form: `spec.containers[0].image`. Empty for the whole object. */
  readonly path: string;
  /** The offending value, where the message shows it. */
  readonly value?: unknown;
  readonly detail: string;
}
