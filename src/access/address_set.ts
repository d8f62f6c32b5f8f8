import { BlockList } from 'node:net';
import type { AddressRange } from '../model/address_range.ts';
import type { IpAddress } from '../model/ip_address.ts';

/** Addresses that lie in one of many ranges. */
export class AddressSet {
  /** One list for each family: in a list of both, `::/0` would have every address of IPv4 in it. */
  readonly #lists = { ipv4: new BlockList(), ipv6: new BlockList() };

  constructor(ranges: readonly AddressRange[]) {
    for (const { first, prefix } of ranges) this.#lists[first.family].addSubnet(first.text, prefix, first.family);
  }

  has({ family, text }: IpAddress): boolean {
    return this.#lists[family].check(text, family);
  }
}
