//! Reads manifests: YAML (JSON is YAML) of several documents, strictly, with every fault's place in the file.
//!
//! Invariants: one faulty document does not hide the faults of the others; a duplicate key, an unknown field and `yes` for a boolean
//! are faults; what is read is bounded in size, in depth and in what aliases expand to.

use interlock_wire::{
    manifest::{API_VERSION, Document, KINDS, Kind},
    problem::Fault,
};
use serde::{Deserialize, de::DeserializeOwned};

/// Documents in one file.
const DOCUMENTS: usize = 1000;

/// A document and the line on which it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    pub line: u32,
    pub document: Document,
}

/// All documents of a file, or everything that is wrong with it.
///
/// # Errors
/// Every fault, with line and column counted from the beginning of the file.
pub fn read(text: &str) -> Result<Vec<Placed>, Vec<Fault>> {
    let parts = split(text);
    if parts.len() > DOCUMENTS {
        return Err(vec![fault(
            1,
            1,
            None,
            format!("the file has {} documents; at most {DOCUMENTS} are taken at once", parts.len()),
        )]);
    }
    let (mut documents, mut faults) = (Vec::new(), Vec::new());
    for (line, part) in parts {
        match document(line, part) {
            Ok(Some(document)) => documents.push(Placed { line, document }),
            Ok(None) => {}
            Err(fault) => faults.push(fault),
        }
    }
    if documents.is_empty() && faults.is_empty() {
        faults.push(fault(
            1,
            1,
            None,
            "the file has no document; a manifest begins with `apiVersion: interlock/v1`".into(),
        ));
    }
    if faults.is_empty() { Ok(documents) } else { Err(faults) }
}

fn fault(line: u32, column: u32, field: Option<String>, message: String) -> Fault {
    Fault { field, line: Some(line), column: Some(column), message }
}

/// Documents as text, each with the line (1-based) its first line stands on. `---` at the beginning of a line always divides.
fn split(text: &str) -> Vec<(u32, &str)> {
    let marker = |line: &str, mark: &str| {
        line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
    };
    let mut parts = Vec::new();
    let (mut begin, mut first, mut at) = (0, 1, 0);
    for (number, line) in (1u32..).zip(text.split_inclusive('\n')) {
        let end = at + line.len();
        if marker(line, "---") || marker(line, "...") {
            parts.push((first, &text[begin..at]));
            // What stands behind the marker belongs to the document.
            let same_line =
                line.starts_with("---") && !line[3..].trim().is_empty() && !line[3..].trim_start().starts_with('#');
            (begin, first) = if same_line { (at + 3, number) } else { (end, number + 1) };
        }
        at = end;
    }
    parts.push((first, &text[begin..]));
    let blank =
        |part: &str| part.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with(['#', '%']));
    parts.into_iter().filter(|(_, part)| !blank(part)).collect()
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "apiVersion")]
    api_version: Option<String>,
    kind: Option<String>,
}

fn yaml<T: DeserializeOwned>(text: &str) -> Result<T, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options)
}

fn at(line: u32, error: &serde_saphyr::Error) -> Fault {
    let place = error.location();
    let found = place.map_or(1, |it| u32::try_from(it.line()).unwrap_or(1)).max(1);
    let column = place.map_or(1, |it| u32::try_from(it.column()).unwrap_or(1)).max(1);
    let text = error.without_snippet().to_string();
    // The library repeats the place in the document, which is not that in the file.
    let message = text.split(" at line ").next().unwrap_or_default().trim();
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let message = message
        .find(": ")
        .filter(|at| message.starts_with("line ") && *at < 40)
        .map_or(message, |at| &message[at + 2..]);
    let field = message.contains("field").then(|| message.split('`').nth(1).map(str::to_owned)).flatten();
    fault(line + found - 1, column, field, message.to_owned())
}

fn document(line: u32, text: &str) -> Result<Option<Document>, Fault> {
    let head: Head = yaml(text).map_err(|error| at(line, &error))?;
    match head.api_version.as_deref() {
        Some(API_VERSION) => {}
        Some(other) => {
            return Err(fault(
                line,
                1,
                Some("apiVersion".into()),
                format!("apiVersion `{}` is not known; write `{API_VERSION}`", cut(other)),
            ));
        }
        None => {
            return Err(fault(
                line,
                1,
                Some("apiVersion".into()),
                format!("the document has no apiVersion; write `apiVersion: {API_VERSION}`"),
            ));
        }
    }
    let known = || KINDS.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
    let kind = head.kind.as_deref().ok_or_else(|| {
        fault(line, 1, Some("kind".into()), format!("the document has no kind; it is one of {}", known()))
    })?;
    let found = KINDS.iter().copied().find(|it| it.as_str() == kind);
    let found = found.ok_or_else(|| {
        fault(line, 1, Some("kind".into()), format!("kind `{}` is not known; it is one of {}", cut(kind), known()))
    })?;
    let read = match found {
        Kind::PolicyPack => yaml(text).map(Document::PolicyPack),
        Kind::Account => yaml(text).map(Document::Account),
        Kind::IdentityProvider => yaml(text).map(Document::IdentityProvider),
        Kind::TrustedIssuer => yaml(text).map(Document::TrustedIssuer),
        Kind::Webhook => yaml(text).map(Document::Webhook),
        Kind::SigningKey => yaml(text).map(Document::SigningKey),
        Kind::Service => yaml(text).map(Document::Service),
        Kind::Environment => yaml(text).map(Document::Environment),
        Kind::Calendar => yaml(text).map(Document::Calendar),
        Kind::Pipeline => yaml(text).map(Document::Pipeline),
        Kind::Release => yaml(text).map(Document::Release),
    };
    read.map(Some).map_err(|error| at(line, &error))
}

fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SERVICE: &str = "apiVersion: interlock/v1\nkind: Service\nmetadata: {name: a}\nspec: {owner: x}\n";

    fn only(text: &str) -> Fault {
        let faults = read(text).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        faults[0].clone()
    }

    #[test]
    fn several_documents_are_read_with_the_lines_they_begin_on() {
        let text = format!("# head\n---\n{SERVICE}---\n\n{}...\n", SERVICE.replace("name: a", "name: b"));
        let found = read(&text).unwrap();
        let names: Vec<_> = found.iter().map(|it| (it.line, it.document.name().to_owned())).collect();
        assert_eq!(names, [(3, "a".to_owned()), (8, "b".to_owned())]);
    }

    #[test]
    fn every_faulty_document_is_told_with_its_place() {
        let bad_field = SERVICE.replace("{owner: x}", "\n  owner: x\n  ownr: y");
        let bad_type = SERVICE.replace("{owner: x}", "\n  owner: x\n  criticality:\n    users: many");
        let faults = read(&format!("{SERVICE}---\n{bad_field}---\n{bad_type}")).unwrap_err();
        let places: Vec<_> = faults.iter().map(|it| it.line.unwrap()).collect();
        assert_eq!(places, [11, 19], "{faults:?}");
        assert!(faults[0].message.contains("ownr"), "{faults:?}");
    }

    #[test]
    fn strangers_are_refused() {
        assert_eq!(only(&SERVICE.replace("interlock/v1", "interlock/v2")).field.as_deref(), Some("apiVersion"));
        assert_eq!(only(&SERVICE.replace("Service", "Sevice")).field.as_deref(), Some("kind"));
        assert!(only(&SERVICE.replace("metadata", "meta")).message.contains("meta"));
        assert!(only("").message.contains("no document"));
        assert!(only("# nothing\n---\n").message.contains("no document"));
        only("a: [1");
        only("\u{0}");
        only(&SERVICE.replace("{owner: x}", "{owner: x, owner: y}"));
    }

    #[test]
    fn yaml_that_means_something_else_elsewhere_is_a_fault() {
        let key =
            "apiVersion: interlock/v1\nkind: SigningKey\nmetadata: {name: k}\nspec: {public_key: x, revoked: yes}\n";
        only(key);
        assert!(read(&key.replace("yes", "true")).is_ok());
    }

    #[test]
    fn aliases_do_not_multiply_without_end() {
        let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for n in 1..12 {
            let before = format!("*a{},", n - 1).repeat(10);
            text += &format!("a{n}: &a{n} [{before}]\n");
        }
        only(&format!("{SERVICE}extra:\n  {}", text.replace('\n', "\n  ")));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "(\\PC|\n|---\n|: |- ){0,200}") {
            let _ = read(&text);
        }

        #[test]
        fn a_broken_manifest_never_panics(cut in 0usize..80, insert in "\\PC{0,8}") {
            let at = (0..=cut.min(SERVICE.len())).rev().find(|at| SERVICE.is_char_boundary(*at)).unwrap();
            let _ = read(&format!("{}{insert}{}", &SERVICE[..at], &SERVICE[at..]));
        }
    }
}
