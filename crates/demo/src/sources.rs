//! The shop's sources and step programs, embedded, and the history that is told about them: who changed what, when, and why.
//!
//! Each version is an overlay over the one before it: the files under `demo/shop/versions/<version>/`.
//! The history is told backwards from a base time, so that the newest commit is a day old when the story begins. Deliberately
//! absent: the clock itself, and the machine. The same base gives the same history everywhere, for ever.

/// A file: its path in the shop's repository (or in the step folder) and its content.
pub type SourceFile = (&'static str, &'static str);

macro_rules! overlay {
    ($version:literal: $($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../../../demo/shop/versions/", $version, "/", $path)))),+]
    };
}

const V1_0_0: &[SourceFile] = overlay!("v1.0.0":
    "README.md", "CHANGELOG.md", "CODEOWNERS",
    "kit/metrics.mjs", "kit/service.mjs", "kit/store.mjs",
    "catalogue/products.mjs", "catalogue/server.mjs",
    "basket/token.mjs", "basket/server.mjs",
    "checkout/order.mjs", "checkout/order.test.mjs", "checkout/server.mjs",
);
const V1_1_0: &[SourceFile] = overlay!("v1.1.0":
    "CHANGELOG.md", "catalogue/server.mjs", "basket/server.mjs",
    "checkout/delivery.mjs", "checkout/delivery.test.mjs", "checkout/server.mjs",
);
const V1_2_0: &[SourceFile] = overlay!("v1.2.0": "CHANGELOG.md", "catalogue/server.mjs", "checkout/order.mjs");
const V1_2_1: &[SourceFile] = overlay!("v1.2.1": "CHANGELOG.md", "checkout/order.mjs", "checkout/order.test.mjs");

/// Programs the pipeline runs, by file name.
pub const STEPS: &[SourceFile] = &[
    ("protocol.mjs", include_str!("../../../demo/steps/protocol.mjs")),
    ("instance.mjs", include_str!("../../../demo/steps/instance.mjs")),
    ("deploy-instance.mjs", include_str!("../../../demo/steps/deploy-instance.mjs")),
    ("smoke.mjs", include_str!("../../../demo/steps/smoke.mjs")),
];

/// The services of the shop, in the order of their calls: a service calls only those before it.
pub const SERVICES: &[&str] = &["catalogue", "basket", "checkout"];

/// The versions that are built, oldest first.
pub const VERSIONS: &[&str] = &["1.0.0", "1.1.0", "1.2.0", "1.2.1"];

/// The version in production when the story begins.
pub const FIRST_VERSION: &str = "1.0.0";

/// Somebody who writes or merges code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Author {
    pub name: &'static str,
    pub email: &'static str,
}

pub const AMIR: Author = Author { name: "Amir Haddad", email: "amir@shop.example" };
pub const DANA: Author = Author { name: "Dana Novak", email: "dana@shop.example" };
pub const ERIK: Author = Author { name: "Erik Lindqvist", email: "erik@shop.example" };
pub const OLU: Author = Author { name: "Olu Adeyemi", email: "olu@shop.example" };

/// One commit: all of it, so that its id follows from this table.
pub struct Commit {
    pub author: Author,
    /// Who committed, when that was another person than the author (a merge by a reviewer).
    pub committer: Author,
    /// Minutes before the base time.
    pub before_min: i64,
    pub message: &'static str,
    /// Overlay the files come from, and which of them this commit writes.
    pub files: Vec<SourceFile>,
    /// Annotated tag set on this commit.
    pub tag: Option<&'static str>,
}

fn pick(overlay: &'static [SourceFile], paths: &[&str]) -> Vec<SourceFile> {
    paths
        .iter()
        .map(|path| {
            *overlay.iter().find(|(name, _)| name == path).expect("the history names files of its own overlay only")
        })
        .collect()
}

/// The history of the shop, oldest first.
pub fn history() -> Vec<Commit> {
    let commit = |author, before_min, message, overlay: &'static [SourceFile], paths: &[&str]| Commit {
        author,
        committer: author,
        before_min,
        message,
        files: pick(overlay, paths),
        tag: None,
    };
    let tagged = |commit: Commit, tag| Commit { tag: Some(tag), ..commit };
    let merged_by = |commit: Commit, committer| Commit { committer, ..commit };
    vec![
        commit(AMIR, 17_470, "Start the shop: what it is and who owns what", V1_0_0, &["README.md", "CODEOWNERS"]),
        commit(OLU, 17_375, "kit: metrics in the Prometheus text format", V1_0_0, &["kit/metrics.mjs"]),
        commit(OLU, 17_250, "kit: server with health, version and an orderly end", V1_0_0, &["kit/service.mjs"]),
        commit(OLU, 17_195, "kit: a time limit for every query", V1_0_0, &["kit/store.mjs"]),
        commit(
            AMIR,
            16_025,
            "catalogue: products and prices",
            V1_0_0,
            &["catalogue/products.mjs", "catalogue/server.mjs"],
        ),
        commit(
            DANA,
            15_835,
            "basket: a basket that needs no memory\n\nThe lines travel in the token, so any instance can serve any request.",
            V1_0_0,
            &["basket/token.mjs", "basket/server.mjs"],
        ),
        commit(
            ERIK,
            14_595,
            "checkout: turn a basket into an order\n\nThe total is worked out again from the catalogue; a difference is never charged.",
            V1_0_0,
            &["checkout/order.mjs", "checkout/order.test.mjs", "checkout/server.mjs"],
        ),
        tagged(commit(AMIR, 14_315, "Release 1.0.0", V1_0_0, &["CHANGELOG.md"]), "v1.0.0"),
        commit(
            DANA,
            4440,
            "catalogue: list one category\n\nCo-authored-by: Erik Lindqvist <erik@shop.example>",
            V1_1_0,
            &["catalogue/server.mjs"],
        ),
        merged_by(commit(DANA, 4235, "basket: at most 20 of one product", V1_1_0, &["basket/server.mjs"]), ERIK),
        commit(
            DANA,
            2980,
            "checkout: say when the order arrives\n\nTwo working days, counted from the next one after 16:00 UTC.\n\nCo-authored-by: Erik Lindqvist <erik@shop.example>",
            V1_1_0,
            &["checkout/delivery.mjs", "checkout/delivery.test.mjs", "checkout/server.mjs"],
        ),
        tagged(commit(DANA, 2760, "Release 1.1.0", V1_1_0, &["CHANGELOG.md"]), "v1.1.0"),
        commit(
            ERIK,
            2015,
            "checkout: reuse the order draft\n\nA load test showed the garbage collector at work; one draft for all orders saves 60 % of the allocations.\nTests pass.",
            V1_2_0,
            &["checkout/order.mjs"],
        ),
        commit(ERIK, 1860, "catalogue: name the currency", V1_2_0, &["catalogue/server.mjs"]),
        tagged(commit(ERIK, 1680, "Release 1.2.0", V1_2_0, &["CHANGELOG.md"]), "v1.2.0"),
        commit(
            DANA,
            1500,
            "checkout: a test with orders at the same moment, and a draft for each\n\nOrders placed while another one waited for its prices shared its draft.",
            V1_2_1,
            &["checkout/order.mjs", "checkout/order.test.mjs"],
        ),
        tagged(commit(DANA, 1440, "Release 1.2.1", V1_2_1, &["CHANGELOG.md"]), "v1.2.1"),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_embedded_file_is_written_by_exactly_one_commit() {
        let mut written = BTreeSet::new();
        for commit in history() {
            for (path, content) in commit.files {
                assert!(written.insert((path, content)), "{path} is written twice with the same content");
            }
        }
        let embedded = [V1_0_0, V1_1_0, V1_2_0, V1_2_1].concat().into_iter().collect::<BTreeSet<_>>();
        assert_eq!(written, embedded);
    }

    #[test]
    fn history_runs_forward_and_tags_every_version() {
        let history = history();
        assert!(history.windows(2).all(|pair| pair[0].before_min > pair[1].before_min && pair[1].before_min > 0));
        let tags: Vec<_> = history.iter().filter_map(|commit| commit.tag).collect();
        assert_eq!(tags, VERSIONS.iter().map(|version| format!("v{version}")).collect::<Vec<_>>());
    }
}
