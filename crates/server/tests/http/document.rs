//! The description of the API against the API: the golden file, the list of endpoints, what every route promises.

use crate::support::*;
use serde_json::Value;
use std::{collections::BTreeSet, path::Path};

fn golden(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden").join(name)
}

/// Set `UPDATE_GOLDEN=1` to write the file anew after the API was changed on purpose.
#[test]
fn the_api_is_the_one_that_was_agreed() {
    let made = serde_json::to_string_pretty(&interlock_server::openapi()).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(golden("openapi.json"), &made).unwrap();
    }
    let agreed = std::fs::read_to_string(golden("openapi.json")).unwrap();
    assert!(
        agreed == made,
        "the API differs from golden/openapi.json; if that is meant, write it anew with UPDATE_GOLDEN=1 and say so in the changelog"
    );
}

fn operations() -> BTreeSet<(String, String)> {
    let api = serde_json::to_value(interlock_server::openapi()).unwrap();
    let paths = api["paths"].as_object().unwrap();
    let methods = |item: &Value| {
        item.as_object()
            .unwrap()
            .keys()
            .filter(|key| ["get", "put", "post", "delete"].contains(&key.as_str()))
            .cloned()
            .collect::<Vec<_>>()
    };
    paths
        .iter()
        .flat_map(|(path, item)| methods(item).into_iter().map(move |method| (method.to_uppercase(), path.clone())))
        .collect()
}

#[test]
fn every_endpoint_is_listed_with_its_sign_in_and_a_test_that_exists() {
    let text = std::fs::read_to_string(golden("endpoints.txt")).unwrap();
    let mut listed = BTreeSet::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [method, path, sign_in, test] = words[..] else { panic!("{line}") };
        assert!(["none", "any", "runner", "link-token"].contains(&sign_in), "{line}");
        let (module, name) = test.split_once("::").unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/http").join(format!("{module}.rs"));
        let source = std::fs::read_to_string(&source).unwrap_or_else(|_| panic!("{line}: no {}", source.display()));
        assert!(source.contains(&format!("fn {name}(")), "{line}: there is no such test");
        assert!(listed.insert((method.to_owned(), path.to_owned())), "{line}: twice");
    }
    assert_eq!(listed, operations());
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let api = serde_json::to_value(interlock_server::openapi()).unwrap();
    let text = api.to_string();
    for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(api["components"]["schemas"].get(name).is_some(), "{name}");
    }
    let ids: Vec<_> = operations()
        .into_iter()
        .map(|(method, path)| api["paths"][&path][method.to_lowercase()]["operationId"].as_str().unwrap().to_owned())
        .collect();
    let unique: BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "operation ids are not unique: {ids:?}");
}

#[tokio::test]
async fn the_server_hands_the_document_out() {
    let house = House::empty().await;
    let served = house.raw("GET", "/openapi.json", &[], None).await.ok();
    assert_eq!(served, serde_json::to_value(interlock_server::openapi()).unwrap());
}
