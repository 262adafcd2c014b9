import { expect, it } from 'vitest';
import { parseLearnedElements } from '../../../src/network/nft/learned-elements.ts';

const set = (name: string, elements: string): string => `table ip t {
	set ${name} {
		type ipv4_addr
		size 65536
		flags dynamic,timeout
		timeout 3h${elements === '' ? '' : `\n\t\telements = { ${elements} }`}
	}
}
`;

it('reads the elements of every set of a listing, without those in their last second', () => {
  const listing = [
    set('empty', ''),
    set(
      'full',
      '10.244.1.4 expires 2h59m59s592ms, 10.244.1.5 expires 864ms,\n\t\t\t     10.244.1.6 expires 3h',
    ),
    set('last', '10.244.1.7 timeout 10s expires 9s, 10.244.1.8'),
    set('over', '10.244.1.9 expires 5ms'),
  ].join('');
  expect(parseLearnedElements(listing)).toEqual(
    new Map([
      ['full', ['10.244.1.4 expires 2h59m59s592ms', '10.244.1.6 expires 3h']],
      ['last', ['10.244.1.7 timeout 10s expires 9s']],
    ]),
  );
});
