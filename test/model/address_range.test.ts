import test from 'ava';
import { parseAddressRange } from '../../src/model/address_range.ts';
import { parseIpAddress, withoutMapping } from '../../src/model/ip_address.ts';

const SPELLINGS: readonly [written: string, plain: string][] = [
  ['0.0.0.0', '0.0.0.0'],
  ['8.0.0.1', '8.0.0.1'],
  ['255.255.255.255', '255.255.255.255'],
  ['::', '::'],
  ['::1', '::1'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['2001:DB8::A', '2001:db8::a'],
  ['2001:0db8:0000:0000:0000:0000:0000:000a', '2001:db8::a'],
  ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
  ['1:0:0:2:3:0:0:4', '1::2:3:0:0:4'],
  ['1:2:3:4:5:6:0:8', '1:2:3:4:5:6:0:8'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
  ['1::', '1::'],
  ['::1.2.3.4', '::102:304'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
];

for (const [written, plain] of SPELLINGS) {
  test(`${written} is ${plain}`, (t) => {
    const address = parseIpAddress(written);
    t.is(address?.text, plain);
    t.deepEqual(parseIpAddress(plain), address);
  });
}

const NO_ADDRESSES = [
  '',
  ' 1.2.3.4',
  '1.2.3.4 ',
  '1.2.3.4\n',
  '1.2.3',
  '1.2.3.4.5',
  '1.2.3.4.',
  '.1.2.3.4',
  '1..3.4',
  '256.0.0.1',
  '010.0.0.1',
  '1.2.3.04',
  '00.0.0.0',
  '0x7f.0.0.1',
  '0x7f000001',
  '2130706433',
  '127.1',
  '1.2.3.-4',
  '+1.2.3.4',
  '1.2.3.4e0',
  '１.2.3.4',
  '١.2.3.4',
  'localhost',
  '*',
  '[::1]',
  '::1%lo',
  'fe80::1%1',
  ':::',
  '::1::',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7:8::',
  '1:2:3:4::5:6:7:8',
  ':1:2:3:4:5:6:7:8',
  '1:2:3:4:5:6:7:8:',
  ':',
  '1:',
  ':1',
  '00001::',
  '12345::',
  'g::',
  '::0x1',
  '1.2.3.4::',
  '::1.2.3.4:5',
  '::1.2.3',
  '::1.2.3.04',
  '1:2:3:4:5:6:7:1.2.3.4',
  '::ffff:1.2.3.4/96',
  '-1::',
];

for (const text of NO_ADDRESSES) {
  test(`${JSON.stringify(text)} is no address`, (t) => t.is(parseIpAddress(text), undefined));
}

test('an address of IPv4 that comes as one of IPv6 is the one of IPv4, in every spelling', (t) => {
  for (const text of ['::ffff:10.0.0.1', '::FFFF:a00:1', '0:0:0:0:0:ffff:10.0.0.1', '::ffff:0a00:0001']) {
    t.deepEqual(withoutMapping(parseIpAddress(text) as never), parseIpAddress('10.0.0.1') as never, text);
  }
  for (const text of ['::10.0.0.1', '::fffe:10.0.0.1', '1::ffff:10.0.0.1', '64:ff9b::a00:1', '::ffff:0:a00:1']) {
    t.is(withoutMapping(parseIpAddress(text) as never).family, 'ipv6', text);
  }
});

const RANGES: readonly [written: string, range: string][] = [
  ['192.0.2.7', '192.0.2.7'],
  ['192.0.2.7/32', '192.0.2.7'],
  ['192.0.2.6/31', '192.0.2.6/31'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['128.0.0.0/1', '128.0.0.0/1'],
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['2001:DB8:0::/32', '2001:db8::/32'],
  ['::/0', '::/0'],
  ['2001:db8::1/128', '2001:db8::1'],
  ['8000::/1', '8000::/1'],
];

for (const [written, text] of RANGES) {
  test(`${written} is the range ${text}`, (t) => {
    const parsed = parseAddressRange(written);
    t.true('range' in parsed && parsed.range.text === text, JSON.stringify(Object.keys(parsed)));
  });
}

const REFUSED_RANGES: readonly [written: unknown, expected: RegExp][] = [
  ['10.1.2.3/8', /^10\.0\.0\.0\/8 \(no bits behind the prefix\)$/],
  ['192.0.2.1/31', /^192\.0\.2\.0\/31 /],
  ['1.0.0.0/0', /^0\.0\.0\.0\/0 /],
  ['2001:db8::1/64', /^2001:db8::\/64 /],
  ['::1/0', /^::\/0 /],
  ['::ffff:10.0.0.0/104', /^10\.0\.0\.0\/8 \(callers with IPv4 addresses/],
  ['::ffff:10.0.0.1', /^10\.0\.0\.1 /],
  ['::ffff:10.1.2.3/104', /^10\.0\.0\.0\/8 /],
  ['::ffff:0:0/96', /^0\.0\.0\.0\/0 /],
  ['10.0.0.0/33', /^10\.0\.0\.0\/N with an N from 0 to 32$/],
  ['2001:db8::/129', /from 0 to 128$/],
  ['10.0.0.0/08', /from 0 to 32$/],
  ['10.0.0.0/+8', /from 0 to 32$/],
  ['10.0.0.0/-8', /from 0 to 32$/],
  ['10.0.0.0/8.0', /from 0 to 32$/],
  ['10.0.0.0/', /from 0 to 32$/],
  ['10.0.0.0/ 8', /from 0 to 32$/],
  ['10.0.0.0/255.0.0.0', /from 0 to 32$/],
  ['010.0.0.0/8', /^an IPv4 or IPv6 address, or a range/],
  ['10.0.0.0/8/8', /^an IPv4 or IPv6/],
  ['10/8', /^an IPv4 or IPv6/],
  ['10.0.0.0-10.0.0.9', /^an IPv4 or IPv6/],
  ['10.0.0.*', /^an IPv4 or IPv6/],
  ['fe80::1%eth0/64', /^an IPv4 or IPv6/],
  [' 10.0.0.0/8', /^an IPv4 or IPv6/],
  ['', /^an IPv4 or IPv6/],
  [10, /^an IPv4 or IPv6/],
  [null, /^an IPv4 or IPv6/],
];

for (const [written, expected] of REFUSED_RANGES) {
  test(`${JSON.stringify(written)} is no range, and it is said what is one`, (t) => {
    const parsed = parseAddressRange(written);
    t.true('expected' in parsed);
    t.regex('expected' in parsed ? parsed.expected : '', expected);
  });
}
