//! The root over all entries, by RFC 6962, section 2.1: a leaf is SHA-256 of a zero byte and the entry, a node SHA-256 of a one
//! byte and its two children; the left subtree is the largest full one.

use sha2::{Digest, Sha256};

/// Full subtrees from left to right, each with the number of its leaves.
#[derive(Clone, Default)]
pub struct Roots(Vec<(u64, [u8; 32])>);

fn node(left: [u8; 32], right: [u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

impl Roots {
    pub fn push(&mut self, body: &[u8]) {
        let mut last = (1, Sha256::new().chain_update([0]).chain_update(body).finalize().into());
        while let Some((leaves, left)) = self.0.pop_if(|(leaves, _)| *leaves == last.0) {
            last = (leaves * 2, node(left, last.1));
        }
        self.0.push(last);
    }

    pub fn root(&self) -> [u8; 32] {
        let all = self.0.iter().rev().map(|(_, hash)| *hash);
        all.reduce(|right, left| node(left, right)).unwrap_or_else(|| Sha256::digest([]).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Certificate Transparency's own test vectors (`merkletree/merkle_tree_test.cc`): eight inputs and the roots over the first
    /// one, two, three, five, seven and eight of them.
    #[test]
    fn roots_are_those_of_certificate_transparency() {
        let inputs =
            ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
        let wanted = [
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
            (7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ];
        let mut roots = Roots::default();
        for (count, input) in (1..).zip(inputs) {
            let bytes: Vec<u8> =
                (0..input.len()).step_by(2).map(|at| u8::from_str_radix(&input[at..at + 2], 16).unwrap()).collect();
            roots.push(&bytes);
            if let Some((_, root)) = wanted.iter().find(|(size, _)| *size == count) {
                let found: String = roots.root().iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(found, *root, "{count}");
            }
        }
    }
}
