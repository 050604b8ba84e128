//! Packs: named, versioned folders of Cedar files; and the packs that are part of the program.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::request::sha256;

/// A named set of policy files. What an organisation installs, reviews and replaces as a whole.
// The fields stand in alphabetical order for the same reason as those of a request: the digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// File name (`gates.cedar`) to text.
    pub files: BTreeMap<String, String>,
    /// Lower-case letters, digits and hyphens.
    pub name: String,
    pub version: String,
}

/// What stands in a shipped pack's `pack.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    name: String,
    version: String,
    #[expect(dead_code, reason = "written for the people who read the folder")]
    description: String,
}

macro_rules! pack {
    ($folder:literal: $($file:literal),*) => {
        from_parts(
            include_str!(concat!("../../../policies/", $folder, "/pack.json")),
            &[$(($file, include_str!(concat!("../../../policies/", $folder, "/", $file))),)*],
        )
    };
}

fn from_parts(manifest: &str, files: &[(&str, &str)]) -> Pack {
    let manifest: Manifest = serde_json::from_str(manifest).expect("a test reads the manifest of every shipped pack");
    Pack {
        files: files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
        name: manifest.name,
        version: manifest.version,
    }
}

/// The packs that are part of the program: `base` and `segregation`.
pub fn shipped() -> Vec<Pack> {
    vec![
        pack!("base": "administration.cedar", "change.cedar", "gates.cedar", "release.cedar"),
        pack!("segregation": "approval.cedar", "deployment.cedar"),
    ]
}

/// Packs for laws and standards that come with the program and are in force once somebody installs them. Each applies by the classes
/// of data of the services in a release.
pub fn standards() -> Vec<Pack> {
    vec![
        pack!("gdpr": "gates.cedar"),
        pack!("iso-27001": "gates.cedar"),
        pack!("part-11": "gates.cedar"),
        pack!("pci-dss": "gates.cedar"),
        pack!("soc2": "gates.cedar"),
        pack!("sox": "gates.cedar"),
    ]
}

/// `sha256:` and 64 hex digits over the packs as JSON, sorted by name. The order they were given in means nothing.
pub(crate) fn digest(packs: &[Pack]) -> String {
    let sorted: BTreeMap<&str, &Pack> = packs.iter().map(|pack| (pack.name.as_str(), pack)).collect();
    let list: Vec<&Pack> = sorted.into_values().collect();
    sha256(&serde_json::to_vec(&list).expect("a pack holds only strings"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_pack_on_disk_is_shipped_whole() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
        let mut on_disk = BTreeMap::new();
        for folder in std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
        {
            let files: BTreeSet<String> = std::fs::read_dir(&folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .filter(|name| name.ends_with(".cedar"))
                .collect();
            on_disk.insert(folder.file_name().unwrap().to_str().unwrap().to_owned(), files);
        }
        let shipped: BTreeMap<String, BTreeSet<String>> = shipped()
            .into_iter()
            .chain(standards())
            .map(|pack| (pack.name, pack.files.into_keys().collect()))
            .collect();
        assert_eq!(shipped, on_disk);
    }

    #[test]
    fn the_digest_follows_the_content_and_not_the_order() {
        let packs = shipped();
        let reversed: Vec<Pack> = packs.iter().rev().cloned().collect();
        assert_eq!(digest(&packs), digest(&reversed));
        let mut changed = packs.clone();
        changed[0].version.push('1');
        assert_ne!(digest(&packs), digest(&changed));
    }
}
