import type { AlgorithmName } from '../model/algorithm.ts';
import type { Curve, KeyMaterial } from '../model/key.ts';

/** What an algorithm must make of a known input under a known key. Where it is randomised, `output` is one of the right answers. */
export interface SelfTestVector {
  readonly key: KeyMaterial;
  readonly input: Uint8Array;
  readonly output: Uint8Array;
  readonly iv?: Uint8Array;
  readonly aad?: Uint8Array;
}

function hex(...parts: readonly string[]): Uint8Array {
  return new Uint8Array(Buffer.from(parts.join(''), 'hex'));
}

/** Wycheproof (google-wycheproof 0.8r12), rsa_pkcs1_2048_sig_gen_test.json, the group of SHA-256. A published key: it protects nothing. */
const RSA_2048: KeyMaterial = {
  keyType: 'RSA-HSM',
  modulus: hex(
    'a2b451a07d0aa5f96e455671513550514a8a5b462ebef717094fa1fee82224e637f9746d3f7cafd31878d80325b6ef5a',
    '1700f65903b469429e89d6eac8845097b5ab393189db92512ed8a7711a1253facd20f79c15e8247f3d3e42e46e48c98e',
    '254a2fe9765313a03eff8f17e1a029397a1fa26a8dce26f490ed81299615d9814c22da610428e09c7d9658594266f5c0',
    '21d0fceca08d945a12be82de4d1ece6b4c03145b5d3495d4ed5411eb878daf05fd7afc3e09ada0f1126422f590975a19',
    '69816f48698bcbba1b4d9cae79d460d8f9f85e7975005d9bc22c4e5ac0f7c1a45d12569a62807d3b9a02e5a530e77306',
    '6f453d1f5b4c2e9cf7820283f742b9d5',
  ),
  publicExponent: hex('010001'),
  privateExponent: hex(
    '7627eef3567b2a27268e52053ecd31c3a7172ccb9ddcee819b306a5b3c66b7573ca4fa88efc6f3c4a00bfa0ae7139f64',
    '543a4dac3d05823f6ff477cfcec84fe2ac7a68b17204b390232e110310c4e899c4e7c10967db4acde042dbbf19dbe00b',
    '4b4741de1020aaaaffb5054c797c9f136f7d93ac3fc8caff6654242d7821ebee517bf537f44366a0fdd45ae05b9909c2',
    'e6cc1ed9281eff4399f76c96b96233ec29ae0bbf0d752b234fc197389f51050aa1acd01c074c3ac8fbdb9ea8b651a959',
    '95e8db4ad5c43b6c8673e5a126e7ee94b8dff4c5afc01259bc8da76950bae6f8bae715f50985b0d6f66d04c6fef3b700',
    '720eecdcdf171bb7b1ecbe7289c467c1',
  ),
  prime1: hex(
    'dc431050f782e894fb5248247d98cb7d58b8d1e24f3b55d041c56e4de086b0d5bb028bda42eeb5d234d5681e5809d415',
    'e6a289ad4cfbf78f978f6c35814f50eebff1c5b80a69f788e81e6bab5ddaa78369d659d143ec6f17e79813a575cfad9c',
    '569156b90113e2e9110ad9e7b48a1c9348a6e653321191290ea36cfb3a5b18f1',
  ),
  prime2: hex(
    'bd1a81e7977f9898122273ae3222b598ea5fb19eb4eabc38308a5e32196603b2e500ffb79f5b886816611debc472fac4',
    '5544070beb057c941378a6868af3b7a03d3f9880ec47d5e089b94fbde542aba9ae8d72c57088d7abf5b131f39098f7bc',
    '160f90536abc9492fd4e06f3ed7299d4b97bb03677207d95669f140cfbc20f25',
  ),
  exponent1: hex(
    'a94b528b28f291599121d91952ffd1c7f21d7c1479d99d478885fb161870ee1218bf08472612dbe5497e8d9c650688e0',
    '9c786961ae3e2c354dc48ae34514759c4c23c4588488961dc06b414e61c0e1e7fbbd2923d31532fe289f96da220711e5',
    '8c14019808e00414276933bb07e4efb9b4a9b37656917205209f33f09515d7c1',
  ),
  exponent2: hex(
    '3af0e72a933aef09ff2503df78bafed531c02ff1a2bc437c540cdcbd4ad35435cf511763596543480629b114ca7f780f',
    'f7efa32ea0cb6e000d6d9ea1f2ef71fd9cf9948422a165557e37e755edfe70d90b920502eb478bc98a63f788ce3a0f85',
    '6d6ede7251a383bfa8fa480a81a925af7b3cc538c4bab8c9f7597ffb68011d8d',
  ),
  coefficient: hex(
    '2640fbfbcfefb163ee7a87b6483a66ee41f956d90fa8a7939bfc042ee0924b1b7993d0445f758d51933e85179c0320b0',
    'c968b48a91c38b5be923e1097c0c562f88d42294b6a2759bafa5428a74f1270874e45f6fcc60f21602de5eccd143cf31',
    '241f5921b5ad3983fb54ef17be3b285367e50c999c67247b552fe4bfce945f7b',
  ),
};

const ec = (curve: Curve, privateValue: Uint8Array, x: Uint8Array, y: Uint8Array): KeyMaterial => ({
  keyType: 'EC-HSM',
  curve,
  x,
  y,
  privateValue,
});

const oct = (value: Uint8Array): KeyMaterial => ({ keyType: 'oct-HSM', value });

/** The message of Wycheproof's test case 82 in digests. */
const DIGEST_256 = hex('de47c9b27eb8d300dbb5f2c353e632c393262cf06340c4fa7f1b40c4cbd36f90');
const DIGEST_384 = hex(
  'a5a2cb4f3870291de150e09ee864f3b2b3b342937ac719a149439185ad6a47bb4f23ae83ff20f0c8f0c79a1764244a63',
);
const DIGEST_512 = hex(
  'd296b892b3a7964bd0cc882fc7c0be948b6bbd8eb1eff8c13942fcaabf1f38772dd56ba4d8ecd0b626ff5cef1cd045a1',
  'b0a76910396f3c7430b215a85950e9c3',
);

const rsa = (input: Uint8Array, output: Uint8Array): SelfTestVector => ({ key: RSA_2048, input, output });

/** RS256 is Wycheproof's test case 82; the others were made once over the same message with node:crypto (OpenSSL), and so were the ciphertexts. */
const RSA_VECTORS = {
  RS256: rsa(
    DIGEST_256,
    hex(
      '8a1b220cb2ab415dc760eb7f5bb10335a3cca269d7dbbf7d0962ba79f9cf7b43a5fc09c99a1584f07403473d6c189a83',
      '6897a5b6f8ea9fa22d601e6ba5f7411fe27c638b81b1a22363583a80fce8c7df3e40fb51bd0e60d0a6653f79f3bcb7ec',
      '3e9dc14cfb5b31ab1735bca692d50ac03f979dda92747c6430f8045efa3513ba6e0ce3e9e35570e1c30c8ebe589b4419',
      '2e1344ca83dfa576fc6fdc7bf1cd7cee875b001c8c02ce8d602769e4bd9d241c4857182a0089a8b67644e73eef105c55',
      '0efa47a40874289395ac0c4e02fd4ba98e130a4c2d1b95521c6af4a002ac3bdc6e52122ae4c08cc3da1c896e059acbdd',
      'ec574ac0432f6103dd97273d8803c102',
    ),
  ),
  RS384: rsa(
    DIGEST_384,
    hex(
      '0cbd925eb9996c7868587574e5c22250a2f0f83b6a1e356c74014227c792646e4e1251268ab0103bd21cf68cb040660a',
      '74b0b8c4b6c8e4fcf9c488f5b1aaa401ddcbf86aa38ffa61d0cc2cacc7836b28f8f39aa22a2d840b468251a133151b13',
      '8e7871f4c91ca3b1869f6af83a1b921f02819833f371542b09014ac1d70371c3b696c0843edb275d6b1383f5682a32ea',
      '02d2e6b0fbebd73845f3168accaeb97373b5fb6809de766bdd5a5038f936792c86e9e8bddcbed81da48d9812135cdc43',
      '84b7fe2256d137db0be72dd5f90c6e29db6821228ce05041763f0e38bec9627b08108a86f911ea5cdf432d808b900df3',
      'b37d45af9f88a937cdafab4e3a2ffdcc',
    ),
  ),
  RS512: rsa(
    DIGEST_512,
    hex(
      '7ca4aaa007a4221f3004fc222a055a989834672c2631f14d8c09c75b869db35f526db923e196161c40bccf028c651bb5',
      '9d00f89f5775bead3ba37c316075789458f96147ccdee8478233e443e7dc808655fc500b10693b52574924048f3d6384',
      'd01ed713fd3f231566b56a6955e036b9affc197d65f37152a3501a4385fa25bbbf4406306e4fa5ee070e72db4cac57a0',
      'af0a21190304769dc3dfce3b9826cfbc849719ad8171f1576459c2f3194c98b96c9201a46d3916d32b22105b8f95a8ca',
      '931471aced728acc8c0df2846c3dd2c3d85f67bc19f8c7c0288935dff518a758686bd63c7c0329aaea4e10f11fbf86d9',
      '577016b7ce8aed782384b53c6e81f1f0',
    ),
  ),
  PS256: rsa(
    DIGEST_256,
    hex(
      '5218109e3d027dc3ee7002a2a88805c0599cb92a371894fa82149706a4ceebaa11944ae4c3a7cb629d76682ad58524e2',
      '978cef2cd57f5fb690440fb6f95e47f3e788ef842acd5311c320a322e6a3abb08c2997d201597f2b0561c6c34045d1d2',
      'b570f81bafdbb503451baf8a44b3f9a5b609f5988d63fb4fcc5744d6879a42bf4a2dda09c52299b8d9bc4275d68e080c',
      '3f9fab0792e07aecc98f62b46fd1ad7d9494aa36790afb7fab105a538f48de54fb60c857fd44b45d94f89c87f2d574a7',
      '8463e62864181801d99086e26002574363dc4497d08a65817a831c43fac6dfd0f469062416e5dcaa45d9fa578d63840f',
      'c6e2c4a1252af89f60918c085871719c',
    ),
  ),
  PS384: rsa(
    DIGEST_384,
    hex(
      '3435e0e830039e7c959481e5fefef90497b36aed548fd55d45195ac94831ba358392d34727f2072ef52fd0193c7a0b29',
      '2c936e66a5641ba10df34e2560cad19fcdd8d499ddcee1660e53d9d830f324519570fdfd22a051e730edeb727e1d3bc8',
      'eb3f0760fff6ec654bce8e75f75b31660d9818bac27c9c3e2941685ac74ff11a9892cf6462fa5e41cf987044ab8778c6',
      '4634157db136525a033bb8bb8cfeb6405951bba227c0427f28ee9df1d3af402aaee73c3297eebf9b4bde87debc4858da',
      'a1e08b2b9e61fcf03b0da90fea420173109aac429c102e5ff042bd41615fba490cac4a858ed971867f9d3d04cb7602d7',
      'dc2fd73845aac6326e53c867b3eeb725',
    ),
  ),
  PS512: rsa(
    DIGEST_512,
    hex(
      '54ee3dfb95b202be5ccf4b6a518ed34b2bbd37817e56b56241011ebb8711896578a45d5d0cfdfb601367ace44a5356de',
      'd9008a1ccdb49b670e0fc187a812143d2d3ef45e481dd63b60b992e9557ac4bca76b2a544cfd0c44f40b9eccb65a1cab',
      '10eab7d47d151e5af213720679a7820b0b1049d311c275eceb9965cb599235abcc57a7987b208d1598428a75770b0f3f',
      'e94b18392e44ed86db8636ce5c49ce60c5fa0ac3ee05daec5936bb93231c5581aed7fde609f35d5a7b60e7359005639a',
      'c9511826e7385838f93b4cd1763323c19b326c05452cac0385ca886c2b6248c7eee2e7697f2b9d696e6ed79da952d0a1',
      '9762ec5d9f9432f721ff705d570477e0',
    ),
  ),
  RSNULL: rsa(
    Buffer.from('any bytes that fit, as they are'),
    hex(
      '7cf5668852cf8f845b0474f5c5ba613bb840cfb229f0c1d2a47f930c412c57cfb58df1d3b1b37c13ed8c59590845aee3',
      'b029b0a42d57b506380c9b275a0ece96993fdcf809cc38a692aa1917be33c706db2a6399173889e25e1bba3a40fe80ef',
      '40da981e5a44355c6e09c9c54e1b0951950266ae94a49f1a509568b93b2989a4cc93a3b5a73cf7cf24cee1e369d158d8',
      '8342cac44c78678c4ff1401782d75c53bef3ed8d3e18ef6f78233cbe1241cdf9683f0c55aa0dd343070843059473f3a5',
      'aaf2d88a297c9e8f50e395249bcb15a3e182d99dab2f868b8ad1ba87c2b514e4c41e6587d359d4a34c788312452f53f7',
      '7b219017bfa19b81384ccf056cd13e5f',
    ),
  ),
  RSA1_5: rsa(
    Buffer.from('a key of twenty-four oct'),
    hex(
      '50508b313e8bcd672078efe3633dbf594936e1b0d934d921af7c0a3d42f8a98007d724db0d339e361551f3b04b61c4b3',
      '83b186e1597458612cb45b7ebe87f79f961b8adc81d94945887d598541f082b786c656dbcff88fbc9edb3483046a4f66',
      'f6d4b795cf45c62cde5a76f7d3ec5f39ecce0ebe605bed59a94fd59e40b5e923231da07a24690d886afd07b20400f96c',
      '7418bed78266a8a24479e1ee300a76565e0c93e62f8c6ec1d84df7883183dd5d43bafab38e3ca45a12e871c1afebaa89',
      '1115aaea583e9c9367cf463fe075ba56603b558a72ee3b09955b86559f37daea0c3679fcd02daca627adcbe5475ad9d8',
      'ed87e37b504086d080320208145e3cfa',
    ),
  ),
  'RSA-OAEP': rsa(
    Buffer.from('a key of twenty-four oct'),
    hex(
      '481820c0b3df137cdb071ab70e8a8fb2ff4967988df67e825739200a5b4424e8afdbfa744ba50ab7ab28331f5c707055',
      '1f9a4170625ae0ae02ff181d1ac5f139d1f9c3e86bcd2dd8bc9a264a13a7f9fce7d9190baedf8f4dba59ac6d44865c1d',
      '9544e25673dee3e8b4115b2766c9057dac0fc3930c6b9d3f7faec5a8c3c68a1f940c0b7ace464ff679e32853cb14926b',
      '62e7bfb5c770ae15dde2cb595b139165772163cc3dd1826dbc521355f37a714b2ab481429846e96a6fd3f9e554451001',
      '24ea8049956020e18f6f80f3ced0f65520ac6d4b92027963712bc74f6dce9e0bf8791b661ad919bb368fa94350b81a66',
      '565596694e592544e6eb54c8bc7a0965',
    ),
  ),
  'RSA-OAEP-256': rsa(
    Buffer.from('a key of twenty-four oct'),
    hex(
      '6bece2630430d465942f717def8c7b9828d9ec480d690bb8d37031aa3baa4a8933030fc45e8d8d8410ab9dce34922242',
      'de4d0194f779d2655afdf61545d401f8dadab991a85f492a834e9ff79834ff85c2cf44108f6506104242cfec8389ea71',
      'bb5451a64d17aa38cc3decdb43393a4215221b455e6e6a2006334a87dacfa41985a25844db626ad39a3434c6c44a841f',
      '6b5ae3797f7cb2d766a3b8ba78698abbfbc31fbf1f0727ee38befc7fe330a4e9a148fb20a1dea21b33d21084122a9b1f',
      'a0fc15b6a764624a9a69e1778f92c69b6ef202ca7a4601b4ded6fda31418162ce92b11cf9c231443d9d7c55d149cbe85',
      'e541eb75d11d11cc82ca8da390744163',
    ),
  ),
};

/** RFC 6979 §A.2.5, §A.2.6 and §A.2.7 with the message "sample"; P-256K was made once with node:crypto, since no standard has vectors for it. */
const EC_VECTORS = {
  ES256: {
    key: ec(
      'P-256',
      hex('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721'),
      hex('60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6'),
      hex('7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299'),
    ),
    input: hex('af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf'),
    output: hex(
      'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65',
      'f3e900dbb9aff4064dc4ab2f843acda8',
    ),
  },
  ES256K: {
    key: ec(
      'P-256K',
      hex('b25d273b83d7603b985f4a9627ffb93d4693dbb363bbd8acb0fb102c7e3fac97'),
      hex('9b7c16db53049df48b1b3c42bff5f1e8fa3c94e382a19626eb86dec2829ae0e6'),
      hex('6ec73cf23e12fd7655643809f1bd66a1bbf086d75af7887bc52fca72bbdc0864'),
    ),
    input: hex('af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf'),
    output: hex(
      'f64eb21a005379a005b259d2de4495c1bcb0d73abffde9b1fcda71b3c88db786c142c842d72f251e66db137c27259c19',
      'dbc962e33335876d54ebd204afc9deb0',
    ),
  },
  ES384: {
    key: ec(
      'P-384',
      hex('6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5'),
      hex('ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13'),
      hex('8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720'),
    ),
    input: hex('9a9083505bc92276aec4be312696ef7bf3bf603f4bbd381196a029f340585312313bca4a9b5b890efee42c77b1ee25fe'),
    output: hex(
      '94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46',
      '99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8',
    ),
  },
  ES512: {
    key: ec(
      'P-521',
      hex(
        '00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75caa896eb32f1f47c70855836a6d16fcc',
        '1466f6d8fbec67db89ec0c08b0e996b83538',
      ),
      hex(
        '01894550d0785932e00eaa23b694f213f8c3121f86dc97a04e5a7167db4e5bcd371123d46e45db6b5d5370a7f20fb633',
        '155d38ffa16d2bd761dcac474b9a2f5023a4',
      ),
      hex(
        '00493101c962cd4d2fddf782285e64584139c2f91b47f87ff82354d6630f746a28a0db25741b5b34a828008b22acc23f',
        '924faafbd4d33f81ea66956dfeaa2bfdfcf5',
      ),
    ),
    input: hex(
      '39a5e04aaff7455d9850c605364f514c11324ce64016960d23d5dc57d3ffd8f49a739468ab8049bf18eef820cdb1ad6c',
      '9015f838556bc7fad4138b23fdf986c7',
    ),
    output: hex(
      '00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5d450606add152b53',
      '4931d7d4e8455cc91f9b15bf05ec36e377fa00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b',
      '68af282623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4a67a',
    ),
  },
};

/** RFC 4231 §4.7, whose key is long enough for every token's minimum. */
const HMAC_KEY = oct(new Uint8Array(131).fill(0xaa));
const HMAC_MESSAGE = Buffer.from('Test Using Larger Than Block-Size Key - Hash Key First');
const hmac = (output: Uint8Array): SelfTestVector => ({ key: HMAC_KEY, input: HMAC_MESSAGE, output });
const HMAC_VECTORS = {
  HS256: hmac(hex('60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54')),
  HS384: hmac(hex('4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952')),
  HS512: hmac(
    hex(
      '80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e52',
      '95e64f73f63f0aec8b915a985d786598',
    ),
  ),
};

/** McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", appendix B, test cases 4, 10 and 16. The output is ciphertext and tag. */
const gcm = (key: Uint8Array, output: Uint8Array): SelfTestVector => ({
  key: oct(key),
  input: hex(
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525',
    'b16aedf5aa0de657ba637b39',
  ),
  output,
  iv: hex('cafebabefacedbaddecaf888'),
  aad: hex('feedfacedeadbeeffeedfacedeadbeefabaddad2'),
});
const GCM_VECTORS = {
  A128GCM: gcm(
    hex('feffe9928665731c6d6a8f9467308308'),
    hex(
      '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa05',
      '1ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47',
    ),
  ),
  A192GCM: gcm(
    hex('feffe9928665731c6d6a8f9467308308feffe9928665731c'),
    hex(
      '3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00c144c525ac619d18c84a3f47',
      '18e2448b2fe324d9ccda27102519498e80f1478f37ba55bd6d27618c',
    ),
  ),
  A256GCM: gcm(
    hex('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308'),
    hex(
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838',
      'c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b',
    ),
  ),
};

/** SP 800-38A §F.2, the first two blocks; with padding (made once with node:crypto) the first 20 bytes of them. */
const CBC_INPUT = hex('6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51');
const CBC_IV = hex('000102030405060708090a0b0c0d0e0f');
const AES_128 = hex('2b7e151628aed2a6abf7158809cf4f3c');
const AES_192 = hex('8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b');
const AES_256 = hex('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4');
const cbc = (key: Uint8Array, inputBytes: number, output: Uint8Array): SelfTestVector => ({
  key: oct(key),
  input: CBC_INPUT.subarray(0, inputBytes),
  output,
  iv: CBC_IV,
});
const CBC_VECTORS = {
  A128CBC: cbc(AES_128, 32, hex('7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2')),
  A192CBC: cbc(AES_192, 32, hex('4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a')),
  A256CBC: cbc(AES_256, 32, hex('f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d')),
  A128CBCPAD: cbc(AES_128, 20, hex('7649abac8119b246cee98e9b12e9197d2e013f890472d82217b17f45f6e7f539')),
  A192CBCPAD: cbc(AES_192, 20, hex('4f021db243bc633d7178183a9fa071e8f3bab464b3d4aaa59cb9f6a8bb5910f1')),
  A256CBCPAD: cbc(AES_256, 20, hex('f58c4c04d6e5f1ba779eabfb5f7bfbd684354e280bfa27ef071b563dc89d0364')),
};

/** RFC 3394 §4.1, §4.2 and §4.3. */
const KEK = hex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');
const keyWrap = (kekBytes: number, output: Uint8Array): SelfTestVector => ({
  key: oct(KEK.subarray(0, kekBytes)),
  input: hex('00112233445566778899aabbccddeeff'),
  output,
});
const KEY_WRAP_VECTORS = {
  A128KW: keyWrap(16, hex('1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5')),
  A192KW: keyWrap(24, hex('96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d')),
  A256KW: keyWrap(32, hex('64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7')),
  CKM_AES_KEY_WRAP: keyWrap(32, hex('64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7')),
  /**
   * The key and the values of RFC 5649 §6 one after the other, made once with node:crypto. The values alone are no multiple of 8 bytes long,
   * and not every token wraps such (model/algorithm.ts, `wrapObject`).
   */
  CKM_AES_KEY_WRAP_PAD: {
    key: oct(hex('5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8')),
    input: hex('c37b7e6492584340bed12207808941155068f738466f7250'),
    output: hex('7d83bbdca035273a7e791661aa348394ca3c6876cde8941cf636fe6daf1c28af'),
  },
};

/** One known answer for each algorithm of the table. */
export const SELF_TEST_VECTORS: Readonly<Record<AlgorithmName, SelfTestVector>> = {
  ...RSA_VECTORS,
  ...EC_VECTORS,
  ...HMAC_VECTORS,
  ...GCM_VECTORS,
  ...CBC_VECTORS,
  ...KEY_WRAP_VECTORS,
};
