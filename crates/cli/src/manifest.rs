//! Manifests on this side of the wire: files found, documents read as the API's types, places of faults kept.
//! Deliberately absent: whether they make sense together. The server says that.

use crate::failure::{Done, Failure};
use interlock_wire::manifest::{API_VERSION, Document, Kind, Manifest};
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The text of a file, of all manifests below a directory in the order of their names, or of standard input (`-`).
///
/// # Errors
/// Something cannot be read, or there is nothing.
pub fn read(path: &Path) -> Done<String> {
    if path == Path::new("-") {
        return std::io::read_to_string(std::io::stdin()).map_err(|error| Failure::io("reading", path, &error));
    }
    let mut files = Vec::new();
    find(path, &mut files)?;
    files.sort();
    let texts: Vec<String> = files
        .iter()
        .map(|file| fs::read_to_string(file).map_err(|error| Failure::io("reading", file, &error)))
        .collect::<Done<_>>()?;
    if texts.is_empty() {
        return Err(Failure::Usage(format!("there are no manifests (*.yaml, *.yml, *.json) in `{}`", path.display())));
    }
    Ok(join(texts))
}

/// Files as one: a document never runs over the end of a file.
pub fn join(texts: Vec<String>) -> String {
    texts.iter().map(|text| text.trim_end()).collect::<Vec<_>>().join("\n---\n") + "\n"
}

fn find(path: &Path, files: &mut Vec<PathBuf>) -> Done {
    let failed = |error| Failure::io("reading", path, &error);
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let wanted = path.extension().is_some_and(|it| ["yaml", "yml", "json"].iter().any(|kind| it == *kind));
        if !hidden && (wanted || path.is_dir()) {
            find(&path, files)?;
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "apiVersion")]
    version: String,
    kind: Kind,
}

/// The documents of a text.
///
/// # Errors
/// The first document that is none, with what is wrong with it.
pub fn documents(text: &str) -> Done<Vec<Document>> {
    let parts = text.split("\n---").map(|part| part.strip_prefix("---").unwrap_or(part));
    let said = |part: &&str| part.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    parts.filter(said).map(document).collect()
}

fn parse<T: DeserializeOwned>(text: &str) -> Done<T> {
    serde_saphyr::from_str(text).map_err(|error| Failure::Usage(format!("a manifest cannot be read: {error}")))
}

fn document(text: &str) -> Done<Document> {
    let envelope: Envelope =
        serde_saphyr::from_str(text).map_err(|error| Failure::Usage(format!("this is no manifest: {error}")))?;
    if envelope.version != API_VERSION {
        return Err(Failure::Usage(format!(
            "apiVersion is `{}`; this version knows `{API_VERSION}`",
            envelope.version
        )));
    }
    Ok(match envelope.kind {
        Kind::PolicyPack => Document::PolicyPack(parse(text)?),
        Kind::Account => Document::Account(parse(text)?),
        Kind::IdentityProvider => Document::IdentityProvider(parse(text)?),
        Kind::TrustedIssuer => Document::TrustedIssuer(parse(text)?),
        Kind::Webhook => Document::Webhook(parse(text)?),
        Kind::SigningKey => Document::SigningKey(parse(text)?),
        Kind::Service => Document::Service(parse(text)?),
        Kind::Environment => Document::Environment(parse(text)?),
        Kind::Calendar => Document::Calendar(parse(text)?),
        Kind::Pipeline => Document::Pipeline(parse(text)?),
        Kind::Release => Document::Release(parse(text)?),
    })
}

/// The text of everything but releases, and the text of the releases with what they hold.
///
/// # Errors
/// The first document that is none, with what is wrong with it.
pub fn releases_apart(text: &str) -> Done<(String, String, Vec<Manifest<interlock_wire::release::ReleaseSpec>>)> {
    let (mut rest, mut releases, mut read) = (Vec::new(), Vec::new(), Vec::new());
    let parts = text.split("\n---").map(|part| part.strip_prefix("---").unwrap_or(part));
    let said = |part: &&str| part.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    for part in parts.filter(said) {
        match document(part)? {
            Document::Release(it) => {
                releases.push(part.to_owned());
                read.push(it);
            }
            _ => rest.push(part.to_owned()),
        }
    }
    Ok((join(rest), join(releases), read))
}

/// The one release a text holds.
///
/// # Errors
/// It holds something else.
pub fn release(text: &str) -> Done<Manifest<interlock_wire::release::ReleaseSpec>> {
    let mut all = documents(text)?;
    match (all.pop(), all.is_empty()) {
        (Some(Document::Release(it)), true) => Ok(it),
        _ => Err(Failure::Usage(
            "one manifest of kind Release is wanted here; `interlock explain release` tells what it holds".into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "apiVersion: interlock/v1\nkind: Service\nmetadata: {name: a}\nspec: {owner: x}\n";

    #[test]
    fn documents_are_read_and_strangers_refused() {
        let all = documents(&format!("---\n# first\n{SERVICE}---\n{SERVICE}---\n# nothing\n")).unwrap();
        assert_eq!(all.iter().map(Document::name).collect::<Vec<_>>(), ["a", "a"]);
        for bad in [
            SERVICE.replace("owner", "ownr"),
            SERVICE.replace("Service", "Widget"),
            SERVICE.replace("/v1", "/v9"),
            "just text".into(),
        ] {
            assert_eq!(documents(&bad).unwrap_err().exit_code(), 2, "{bad}");
        }
        assert!(release(SERVICE).is_err());
    }

    #[test]
    fn a_directory_is_read_in_the_order_of_names() {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in
            [("20.yaml", "b"), ("10.yml", "a"), (".hidden.yaml", "x"), ("notes.txt", "y"), ("sub/30.json", "c")]
        {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        assert_eq!(read(directory.path()).unwrap(), "a\n---\nb\n---\nc\n");
        assert_eq!(read(&directory.path().join("none")).unwrap_err().exit_code(), 1);
    }
}
