/** Finds what Caddy refuses: one bad Ingress must not keep the others from being served. */

/** A thousand Ingresses with some ten bad ones take fewer. */
const MAX_CHECKS = 300;

/**
 * Halves the owners until single ones are left. `complaintAbout` says why Caddy refuses a
 * configuration of these owners alone, or undefined. Gives the reasons by owner.
 */
export async function isolateRefused(
  owners: readonly string[],
  complaintAbout: (owners: readonly string[]) => Promise<string | undefined>,
): Promise<ReadonlyMap<string, string>> {
  const refused = new Map<string, string>();
  let checks = 0;
  async function search(some: readonly string[]): Promise<void> {
    if (some.length === 0) return;
    const complaint = checks < MAX_CHECKS ? await complaintAbout(some) : 'too much else is refused';
    checks += 1;
    if (complaint === undefined) return;
    const [only = ''] = some;
    if (some.length === 1) return void refused.set(only, complaint);
    const middle = Math.ceil(some.length / 2);
    await search(some.slice(0, middle));
    await search(some.slice(middle));
  }
  await search(owners);
  return refused;
}
