//! Proofs of RFC 6962 trees: of one entry, of many at once, and that one tree begins with another. Checking only, and what a maker
//! has to supply; trees themselves are the ledger's.
//!
//! **Invariant:** a proof of many is the least there is: the roots of the largest perfect subtrees that hold none of the entries, in
//! the order in which the tree is walked. So for one set of entries there is one proof, and anything else is refused.

use crate::digest::Digest;

/// Whether `path` proves that `leaf` stands at `position` in the tree of `size` entries with `root`
/// (RFC 9162, section 2.1.3.2).
pub fn verify_inclusion(leaf: &Digest, position: u64, size: u64, path: &[Digest], root: &Digest) -> bool {
    if position >= size {
        return false;
    }
    let (mut at, mut last) = (position, size - 1);
    let mut hash = *leaf;
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = Digest::node(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = Digest::node(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether `proof` proves that the tree of `new` entries with `new_root` begins with that of `old` entries with
/// `old_root` (RFC 9162, section 2.1.4.2). The empty tree begins every tree.
pub fn verify_consistency(old: u64, new: u64, old_root: &Digest, new_root: &Digest, proof: &[Digest]) -> bool {
    if old > new {
        return false;
    }
    if old == new {
        return proof.is_empty() && old_root == new_root;
    }
    if old == 0 {
        return proof.is_empty() && *old_root == Digest::of(b"");
    }
    let mut steps = proof.iter();
    let (mut at, mut last) = (old - 1, new - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    // A power of two needs no first hash: it is the old root itself.
    let seed = if old.is_power_of_two() {
        *old_root
    } else {
        match steps.next() {
            Some(hash) => *hash,
            None => return false,
        }
    };
    let (mut first, mut second) = (seed, seed);
    for step in steps {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            first = Digest::node(step, &first);
            second = Digest::node(step, &second);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            second = Digest::node(&second, step);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && first == *old_root && second == *new_root
}

/// RFC 6962 root over leaves (section 2.1).
pub fn root_of(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::of(b""),
        [only] => *only,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            Digest::node(&root_of(left), &root_of(right))
        }
    }
}

/// A perfect subtree: the entries `index · 2^height` up to `(index + 1) · 2^height`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subtree {
    pub height: u32,
    pub index: u64,
}

/// Walks the tree of `size` entries, calling `leaf` for each wanted one and `node` for each largest perfect subtree without any.
fn walk<T, E>(
    low: u64,
    high: u64,
    wanted: &[u64],
    leaf: &mut impl FnMut(u64) -> Result<T, E>,
    node: &mut impl FnMut(Subtree) -> Result<T, E>,
    join: &mut impl FnMut(T, T) -> T,
) -> Result<T, E> {
    let length = high - low;
    if wanted.is_empty() && length.is_power_of_two() {
        let height = length.trailing_zeros();
        return node(Subtree { height, index: low >> height });
    }
    if length == 1 {
        return leaf(low);
    }
    let middle = low + (1 << (63 - (length - 1).leading_zeros()));
    let (left, right) = wanted.split_at(wanted.partition_point(|position| *position < middle));
    let left = walk(low, middle, left, leaf, node, join)?;
    let right = walk(middle, high, right, leaf, node, join)?;
    Ok(join(left, right))
}

/// The subtrees whose roots prove these entries, which must ascend and be below `size`, in a tree of `size` entries.
pub fn needed(size: u64, wanted: &[u64]) -> Vec<Subtree> {
    let mut found = Vec::new();
    if size > 0 {
        let Ok(()) = walk(
            0,
            size,
            wanted,
            &mut |_| Ok::<(), std::convert::Infallible>(()),
            &mut |subtree| {
                found.push(subtree);
                Ok(())
            },
            &mut |(), ()| (),
        );
    }
    found
}

/// Why a proof of many was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("the positions do not ascend, or reach beyond {0} entries")]
    Positions(u64),
    #[error("it gives other subtrees than these entries need, from number {0} on")]
    Subtrees(usize),
}

/// The root that these leaves, at ascending positions, and these subtrees lead to in a tree of `size` entries.
///
/// # Errors
/// The subtrees are not exactly the [`needed`] ones.
pub fn root_of_many(size: u64, leaves: &[(u64, Digest)], nodes: &[(Subtree, Digest)]) -> Result<Digest, ProofError> {
    let ascend = leaves.windows(2).all(|pair| pair[0].0 < pair[1].0);
    if !ascend || leaves.last().is_some_and(|(last, _)| *last >= size) {
        return Err(ProofError::Positions(size));
    }
    if size == 0 {
        return if nodes.is_empty() { Ok(Digest::of(b"")) } else { Err(ProofError::Subtrees(0)) };
    }
    let wanted: Vec<u64> = leaves.iter().map(|(position, _)| *position).collect();
    let (mut next_leaf, mut next_node) = (0, 0);
    let root = walk(
        0,
        size,
        &wanted,
        &mut |_| {
            next_leaf += 1;
            Ok(leaves[next_leaf - 1].1)
        },
        &mut |subtree| {
            let at = next_node;
            next_node += 1;
            nodes.get(at).filter(|(given, _)| *given == subtree).map(|(_, hash)| *hash).ok_or(ProofError::Subtrees(at))
        },
        &mut |left, right| Digest::node(&left, &right),
    )?;
    if next_node == nodes.len() { Ok(root) } else { Err(ProofError::Subtrees(next_node)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn leaves(size: u64) -> Vec<Digest> {
        (0..size).map(|at| Digest::leaf(&at.to_be_bytes())).collect()
    }

    /// By the definition, from all leaves.
    fn hash(leaves: &[Digest], it: Subtree) -> Digest {
        let low = (it.index << it.height) as usize;
        root_of(&leaves[low..low + (1 << it.height)])
    }

    proptest! {
        #[test]
        fn many_entries_lead_to_the_root_and_nothing_else_does(size in 1u64..80, picks in proptest::collection::btree_set(0u64..80, 0..20), harm in any::<u64>()) {
            let all = leaves(size);
            let wanted: Vec<u64> = picks.into_iter().filter(|it| *it < size).collect();
            let given: Vec<(u64, Digest)> = wanted.iter().map(|at| (*at, all[*at as usize])).collect();
            let nodes: Vec<(Subtree, Digest)> = needed(size, &wanted).into_iter().map(|it| (it, hash(&all, it))).collect();
            let root = root_of(&all);
            prop_assert_eq!(root_of_many(size, &given, &nodes), Ok(root));
            if !given.is_empty() {
                let at = harm as usize % given.len();
                let mut other = given.clone();
                other[at].1 = Digest::of(b"other");
                prop_assert_ne!(root_of_many(size, &other, &nodes), Ok(root));
                let mut fewer = given.clone();
                fewer.remove(at);
                prop_assert_ne!(root_of_many(size, &fewer, &nodes), Ok(root));
            }
            if !nodes.is_empty() {
                let at = harm as usize % nodes.len();
                let mut other = nodes.clone();
                other[at].1 = Digest::of(b"other");
                prop_assert_ne!(root_of_many(size, &given, &other), Ok(root));
                other.remove(at);
                prop_assert!(root_of_many(size, &given, &other).is_err());
            }
            prop_assert_ne!(root_of_many(size + 1, &given, &nodes), Ok(root));
        }

        #[test]
        fn a_proof_of_one_has_the_hashes_of_its_audit_path(size in 1u64..80, at in 0u64..80) {
            prop_assume!(at < size);
            let count = needed(size, &[at]).len();
            prop_assert!(count <= 2 * 64);
            let contiguous: Vec<u64> = (at..size).collect();
            prop_assert!(needed(size, &contiguous).len() as u32 <= u64::BITS - at.leading_zeros());
        }
    }

    #[test]
    fn orders_and_bounds_are_checked() {
        let all = leaves(3);
        let swapped = [(1, all[1]), (0, all[0])];
        assert_eq!(root_of_many(3, &swapped, &[]), Err(ProofError::Positions(3)));
        assert_eq!(root_of_many(3, &[(3, all[0])], &[]), Err(ProofError::Positions(3)));
        assert_eq!(root_of_many(0, &[], &[]), Ok(Digest::of(b"")));
    }
}
