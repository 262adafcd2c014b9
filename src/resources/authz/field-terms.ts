/** The fields that a selector confines a list or watch to, as authorisation sees them. Pure. */

/** Whether one of its terms asks for exactly this value. */
export function selects(fieldSelector: string | undefined, field: string, value: string): boolean {
  return (fieldSelector ?? '')
    .split(',')
    .some((term) => term === `${field}=${value}` || term === `${field}==${value}`);
}

/** The one object that a list or watch is about, if it is: rules for single objects then apply. */
export function selectedName(verb: string, fieldSelector: string | undefined): string | undefined {
  if (verb !== 'list' && verb !== 'watch') return undefined;
  for (const term of (fieldSelector ?? '').split(',')) {
    const name = /^metadata\.name==?([^=!/%]+)$/.exec(term)?.[1];
    if (name !== undefined) return name;
  }
  return undefined;
}
