//! The tree against the vectors published with certificate-transparency, and against the definition itself.

use super::*;
use std::collections::BTreeMap;

#[derive(Default)]
struct Kept(BTreeMap<(u8, u64), Tile>);

impl Tiles for Kept {
    fn tile(&self, level: u8, index: u64) -> Result<Tile, StoreError> {
        Ok(self.0[&(level, index)])
    }
}

fn grow(leaves: impl IntoIterator<Item = Digest>) -> (Edge, Kept) {
    let (mut edge, mut kept) = (Edge::new(), Kept::default());
    for leaf in leaves {
        edge.push(leaf, &mut |level, index, hashes| {
            kept.0.insert((level, index), hashes.try_into().unwrap());
            Ok::<(), ()>(())
        })
        .unwrap();
    }
    (edge, kept)
}

/// MTH of RFC 6962, written down from its definition.
fn defined(leaves: &[Digest]) -> Digest {
    match leaves.len() {
        0 => Digest::of(b""),
        1 => leaves[0],
        n => {
            let k = n.next_power_of_two() / 2;
            Digest::node(&defined(&leaves[..k]), &defined(&leaves[k..]))
        }
    }
}

fn many(n: u64) -> Vec<Digest> {
    (0..n).map(|i| Digest::leaf(&i.to_be_bytes())).collect()
}

/// The inputs, roots and proofs of `merkle_tree_test.cc` in google/certificate-transparency.
mod published {
    use super::*;

    const INPUTS: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    const A: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
    const B: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
    const C: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
    const D: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
    const E: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
    const F: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";

    fn leaves() -> Vec<Digest> {
        INPUTS.iter().map(|input| Digest::leaf(&hex::decode(input).unwrap())).collect()
    }

    fn hexes(hashes: &[Digest]) -> Vec<String> {
        hashes.iter().map(|hash| hex::encode(hash.0)).collect()
    }

    #[test]
    fn roots() {
        for (size, root) in ROOTS.iter().enumerate() {
            let (edge, _) = grow(leaves().into_iter().take(size));
            assert_eq!(hex::encode(edge.root().0), *root, "size {size}");
        }
    }

    #[test]
    fn audit_paths() {
        let (edge, kept) = grow(leaves());
        let tree = Tree::new(&edge, &kept);
        let cases: [(u64, u64, &[&str]); 5] = [
            (0, 1, &[]),
            (0, 8, &[A, B, C]),
            (5, 8, &[D, E, ROOTS[4]]),
            (2, 3, &[ROOTS[2]]),
            (1, 5, &[ROOTS[1], B, D]),
        ];
        for (position, size, path) in cases {
            assert_eq!(hexes(&tree.inclusion(position, size).unwrap()), path, "{position} in {size}");
        }
    }

    #[test]
    fn consistency_proofs() {
        let (edge, kept) = grow(leaves());
        let tree = Tree::new(&edge, &kept);
        let cases: [(u64, u64, &[&str]); 4] =
            [(1, 1, &[]), (1, 8, &[A, B, C]), (6, 8, &[F, E, ROOTS[4]]), (2, 5, &[B, D])];
        for (old, new, proof) in cases {
            assert_eq!(hexes(&tree.consistency(old, new).unwrap()), proof, "{old} to {new}");
        }
    }
}

#[test]
fn every_root_equals_the_definition() {
    let leaves = many(600);
    let (edge, kept) = grow(leaves.iter().copied());
    let tree = Tree::new(&edge, &kept);
    for size in 0..=600 {
        let wanted = defined(&leaves[..size]);
        assert_eq!(tree.root_at(size as u64).unwrap(), wanted, "size {size}");
        assert_eq!(grow(leaves[..size].iter().copied()).0.root(), wanted, "size {size}");
    }
}

#[test]
fn every_proof_checks_and_no_other_does() {
    let leaves = many(70);
    let (edge, kept) = grow(leaves.iter().copied());
    let tree = Tree::new(&edge, &kept);
    for size in 1..=70u64 {
        let root = tree.root_at(size).unwrap();
        for position in 0..size {
            let path = tree.inclusion(position, size).unwrap();
            let leaf = leaves[position as usize];
            assert!(verify_inclusion(&leaf, position, size, &path, &root));
            let other = Digest::leaf(b"other");
            assert!(!verify_inclusion(&other, position, size, &path, &root));
            assert!(!verify_inclusion(&leaf, position, size, &path, &other));
            assert!(!verify_inclusion(&leaf, (position + 1) % size, size, &path, &root) || size == 1);
            let longer = [path.clone(), vec![other]].concat();
            assert!(!verify_inclusion(&leaf, position, size, &longer, &root));
            if !path.is_empty() {
                assert!(!verify_inclusion(&leaf, position, size, &path[1..], &root));
            }
        }
        for old in 0..=size {
            let old_root = tree.root_at(old).unwrap();
            let proof = tree.consistency(old, size).unwrap();
            assert!(verify_consistency(old, size, &old_root, &root, &proof), "{old} to {size}");
            assert!(!verify_consistency(old, size, &Digest::of(b"z"), &root, &proof));
            if old > 0 {
                assert!(!verify_consistency(old, size, &old_root, &Digest::of(b"z"), &proof));
            }
            if !proof.is_empty() {
                assert!(!verify_consistency(old, size, &old_root, &root, &proof[1..]));
            }
        }
    }
}

#[test]
fn an_edge_survives_storage_and_no_other_length_does() {
    for size in [0, 1, 15, 16, 17, 255, 256, 257, 4095, 4096, 5000] {
        let (edge, _) = grow(many(size));
        let bytes = edge.encode();
        assert_eq!(Edge::decode(size, &bytes), Some(edge.clone()));
        assert_eq!(Edge::decode(size, &[bytes.clone(), vec![0; 32]].concat()), None);
        if !bytes.is_empty() {
            assert_eq!(Edge::decode(size, &bytes[32..]), None);
            assert_eq!(Edge::decode(size, &bytes[1..]), None);
        }
    }
}

#[test]
fn tile_roots_grow_the_same_tree_as_leaves() {
    let leaves = many(16 * 300);
    let (edge, kept) = grow(leaves.iter().copied());
    let (mut other, mut above) = (Edge::new(), Kept::default());
    for tile in leaves.chunks(16) {
        other
            .push_tile_root(fold(tile), &mut |level, index, hashes| {
                above.0.insert((level, index), hashes.try_into().unwrap());
                Ok::<(), ()>(())
            })
            .unwrap();
    }
    assert_eq!(other, edge);
    assert_eq!(above.0, kept.0.into_iter().filter(|((level, _), _)| *level > 0).collect());
}

#[test]
fn what_lies_outside_is_refused() {
    let (edge, kept) = grow(many(5));
    let tree = Tree::new(&edge, &kept);
    assert!(tree.leaf(5).is_err());
    assert!(tree.root_at(6).is_err());
    assert!(tree.inclusion(5, 5).is_err());
    assert!(tree.inclusion(0, 0).is_err());
    assert!(tree.inclusion(0, 6).is_err());
    assert!(tree.consistency(3, 2).is_err());
    assert!(tree.consistency(3, 6).is_err());
    let (empty, none) = grow([]);
    assert!(Tree::new(&empty, &none).leaf(0).is_err());
}
