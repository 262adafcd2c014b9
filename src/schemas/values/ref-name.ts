/** Names of branches and tags, as git takes them. */

/**
 * Whether `git check-ref-format --allow-onelevel` accepts the name (git-check-ref-format(1) has the
 * rules), less what begins with a dash: `git branch` and `git tag` make no such name. Text that is
 * no Unicode would reach git as another name.
 */
export function isRefName(name: string): boolean {
  return (
    name !== '@' &&
    !name.startsWith('-') &&
    !/[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\.$|\p{Surrogate}/u.test(name) &&
    name.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'))
  );
}
