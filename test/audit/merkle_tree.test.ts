import { createHash } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { leafHash } from '../../src/audit/hash_chain.ts';
import { MerkleTree } from '../../src/audit/merkle_tree.ts';

const sha256 = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
const NODE = Uint8Array.of(1);

/** MTH of RFC 6962 §2.1 as the RFC writes it, over leaf hashes. */
function plainRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0] as Buffer;
  const split = largestPowerBelow(leaves.length);
  return sha256(NODE, plainRoot(leaves.slice(0, split)), plainRoot(leaves.slice(split)));
}

/** PROOF(m, D[n]) of RFC 6962 §2.1.2. */
function plainConsistencyProof(m: number, leaves: readonly Buffer[]): Buffer[] {
  const subproof = (size: number, part: readonly Buffer[], whole: boolean): Buffer[] => {
    if (size === part.length) return whole ? [] : [plainRoot(part)];
    const split = largestPowerBelow(part.length);
    return size <= split
      ? [...subproof(size, part.slice(0, split), whole), plainRoot(part.slice(split))]
      : [...subproof(size - split, part.slice(split), false), plainRoot(part.slice(0, split))];
  };
  return subproof(m, leaves, true);
}

/** RFC 9162 §2.1.4.2. */
function isConsistent(m: number, oldRoot: Buffer, n: number, newRoot: Buffer, proof: readonly Buffer[]): boolean {
  if (m === n) return proof.length === 0 && oldRoot.equals(newRoot);
  const path = Number.isInteger(Math.log2(m)) ? [oldRoot, ...proof] : [...proof];
  let fn = m - 1;
  let sn = n - 1;
  while ((fn & 1) === 1) {
    fn >>= 1;
    sn >>= 1;
  }
  const [first, ...rest] = path;
  if (first === undefined) return false;
  let fr = first;
  let sr = first;
  for (const c of rest) {
    if (sn === 0) return false;
    if ((fn & 1) === 1 || fn === sn) {
      fr = sha256(NODE, c, fr);
      sr = sha256(NODE, c, sr);
      while (fn !== 0 && (fn & 1) === 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else sr = sha256(NODE, sr, c);
    fn >>= 1;
    sn >>= 1;
  }
  return sn === 0 && fr.equals(oldRoot) && sr.equals(newRoot);
}

function largestPowerBelow(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

function treeOf(leaves: readonly Buffer[]): MerkleTree {
  const tree = new MerkleTree();
  for (const leaf of leaves) tree.append(leaf);
  return tree;
}

const someLeaves = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 130 });
const hashed = (values: readonly Uint8Array[]): Buffer[] => values.map((value) => leafHash(value));

test('the roots are those of the test vectors of Certificate Transparency', (t) => {
  const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
  const roots = [
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ];
  const tree = new MerkleTree();
  for (const [place, input] of inputs.entries()) {
    tree.append(leafHash(Buffer.from(input, 'hex')));
    t.is(tree.root().toString('hex'), roots[place] ?? '');
  }
});

test('the root is that of the plain definition at every size', (t) => {
  fc.assert(
    fc.property(someLeaves, (values) => {
      const leaves = hashed(values);
      const tree = new MerkleTree();
      for (let size = 0; size <= leaves.length; size++) {
        if (!tree.root().equals(plainRoot(leaves.slice(0, size)))) return false;
        if (size < leaves.length) tree.append(leaves[size] as Buffer);
      }
      return tree.size === leaves.length;
    }),
    { numRuns: 40 },
  );
  t.pass();
});

test('an earlier root and a later one are consistent by a proof of RFC 6962, and with another leaf they are not', (t) => {
  fc.assert(
    fc.property(someLeaves, fc.nat(), (values, choice) => {
      fc.pre(values.length > 1);
      const leaves = hashed(values);
      const m = 1 + (choice % leaves.length);
      const older = treeOf(leaves.slice(0, m)).root();
      const proof = plainConsistencyProof(m, leaves);
      const changed = leaves.with(choice % m, leafHash('changed'));
      return (
        isConsistent(m, older, leaves.length, treeOf(leaves).root(), proof) &&
        !isConsistent(m, older, leaves.length, treeOf(changed).root(), plainConsistencyProof(m, changed))
      );
    }),
    { numRuns: 100 },
  );
  t.pass();
});

test('a tree goes on from the peaks of another', (t) => {
  fc.assert(
    fc.property(someLeaves, fc.nat(), (values, choice) => {
      const leaves = hashed(values);
      const begun = treeOf(leaves.slice(0, choice % (leaves.length + 1)));
      const tree = new MerkleTree(begun.size, begun.peaks);
      for (const leaf of leaves.slice(begun.size)) tree.append(leaf);
      return tree.root().equals(treeOf(leaves).root());
    }),
  );
  t.throws(() => new MerkleTree(3, [Buffer.alloc(32)]), { instanceOf: TypeError });
});
