//! What people read in a pack, made from its proven entries: an index as a page and as a table, control results, policy texts.
//!
//! **Invariant:** a function of the pack's content and nothing else, so that a check makes the same files again and any change to
//! them is found. **Deliberately absent:** scripts, styles from elsewhere, and sentences that would need the whole state to be told.

use super::{Manifest, Names, Omitted, Scope, Witnesses, entry, entry::ReadEntry};
use crate::{digest::Digest, tar::File};
use std::collections::{BTreeMap, BTreeSet};

/// Characters of an entry's content shown in the index.
const SHOWN: usize = 240;

/// What an index is made from, beside the entries.
pub struct Head<'a> {
    pub origin: &'a str,
    pub size: u64,
    pub root: Digest,
    pub scope: &'a Scope,
    pub witnesses: &'a Witnesses,
    pub earlier: Option<u64>,
    pub omitted: &'a [Omitted],
}

impl Manifest {
    /// What its index is made from.
    pub fn head(&self) -> Head<'_> {
        Head {
            origin: &self.origin,
            size: self.size,
            root: self.root,
            scope: &self.scope,
            witnesses: &self.witnesses,
            earlier: self.earlier,
            omitted: &self.omitted,
        }
    }
}

/// One line of the control results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    pub position: u64,
    pub at: String,
    pub kind: String,
    pub about: String,
    pub outcome: String,
    pub policy_set: String,
    pub policy: String,
    pub controls: Vec<String>,
}

/// The folder of a policy set.
fn folder(digest: &str) -> String {
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    format!("policies/{}", hex.get(..16).unwrap_or("unnamed"))
}

/// A name that a file may have; others are told by their digest.
fn file_name(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let sound = !name.is_empty() && name.len() <= 60 && !name.starts_with('.') && name.bytes().all(plain);
    if sound { name.into() } else { format!("named-{}", hex::encode(&Digest::of(name.as_bytes()).0[..8])) }
}

/// Every ruling of these entries with the policies that decided, and the controls those stand for.
pub fn control_results(entries: &[ReadEntry]) -> Vec<Control> {
    let mut sets: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for (digest, packs) in entries.iter().filter_map(ReadEntry::installed) {
        let texts = packs.iter().flat_map(|pack| pack.files.values());
        sets.entry(digest).or_default().extend(texts.flat_map(|text| entry::controls(text)));
    }
    let mut found = Vec::new();
    for it in entries {
        for ruling in it.rulings() {
            let set = sets.get(&ruling.policy_set);
            let nobody = [String::new()];
            let policies = if ruling.policies.is_empty() { nobody.as_slice() } else { ruling.policies.as_slice() };
            for policy in policies {
                found.push(Control {
                    position: it.position,
                    at: it.at.to_string(),
                    kind: it.kind.clone(),
                    about: ruling.about.clone(),
                    outcome: ruling.outcome.clone(),
                    policy_set: ruling.policy_set.clone(),
                    policy: policy.clone(),
                    controls: set.and_then(|set| set.get(policy)).cloned().unwrap_or_default(),
                });
            }
        }
    }
    found
}

/// The derived files, in the order in which they stand in a pack.
pub fn files(head: &Head<'_>, entries: &[ReadEntry], names: Option<&Names>, evidence: &[(Digest, u64)]) -> Vec<File> {
    let mut files = Vec::new();
    let mut seen = BTreeSet::new();
    for (digest, packs) in entries.iter().filter_map(ReadEntry::installed) {
        if !seen.insert(folder(&digest)) {
            continue;
        }
        for pack in &packs {
            for (name, text) in &pack.files {
                let path = format!("{}/{}/{}", folder(&digest), file_name(&pack.name), file_name(name));
                if seen.insert(path.clone()) {
                    files.push(File { path, bytes: text.clone().into_bytes() });
                }
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let controls = control_results(entries);
    files.push(File { path: "controls.csv".into(), bytes: controls_csv(&controls).into_bytes() });
    files.push(File { path: "index.csv".into(), bytes: index_csv(entries, names).into_bytes() });
    files.push(File { path: "index.html".into(), bytes: html(head, entries, names, &controls, evidence).into_bytes() });
    files
}

/// A field of a table (RFC 4180). A leading character that a spreadsheet would take for a formula gets a quote before it.
fn field(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@', '\t']) { format!("'{text}") } else { text.into() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

fn csv<'a>(rows: impl Iterator<Item = Vec<String>> + 'a, heading: &str) -> String {
    let mut out = format!("{heading}\r\n");
    for row in rows {
        out.push_str(&row.iter().map(|it| field(it)).collect::<Vec<_>>().join(","));
        out.push_str("\r\n");
    }
    out
}

fn controls_csv(controls: &[Control]) -> String {
    let row = |it: &Control| {
        let (position, controls) = (it.position.to_string(), it.controls.join(" "));
        vec![
            position,
            it.at.clone(),
            it.kind.clone(),
            it.about.clone(),
            it.outcome.clone(),
            it.policy.clone(),
            controls,
            it.policy_set.clone(),
        ]
    };
    csv(controls.iter().map(row), "position,at,kind,about,outcome,policy,controls,policy_set")
}

fn who<'a>(by: &'a str, names: Option<&'a Names>) -> &'a str {
    names.and_then(|names| names.get(by)).map_or(by, String::as_str)
}

fn index_csv(entries: &[ReadEntry], names: Option<&Names>) -> String {
    let row = |it: &ReadEntry| {
        vec![
            it.position.to_string(),
            it.at.to_string(),
            who(&it.by, names).to_owned(),
            it.kind.clone(),
            it.leaf.to_string(),
        ]
    };
    csv(entries.iter().map(row), "position,at,by,kind,leaf_hash")
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{} …", escape(&text[..end])),
        None => escape(text),
    }
}

/// What a pack is about, in one sentence.
pub fn told(scope: &Scope) -> String {
    match scope {
        Scope::Period { from, to, first, end } => {
            format!("every entry from {from} up to {to}: positions {first} up to, not including, {end}")
        }
        Scope::Release { id, name } => format!("release {name} ({id}) with its changes, deployments and policy sets"),
    }
}

const STYLE: &str = "body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#111}\
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;vertical-align:top;padding:.25rem .5rem;border-bottom:1px solid #ccc;overflow-wrap:anywhere}\
th{border-bottom:2px solid #666}code{font:12px ui-monospace,monospace}dt{font-weight:600}dd{margin:0 0 .5rem}\
@media print{body{margin:0;max-width:none;font-size:10px}thead{display:table-header-group}tr{break-inside:avoid}}";

fn table(heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut out = String::from("<table><thead><tr>");
    heads.iter().for_each(|head| out.push_str(&format!("<th scope=\"col\">{head}</th>")));
    out.push_str("</tr></thead><tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        row.iter().for_each(|cell| out.push_str(&format!("<td>{cell}</td>")));
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table>\n");
    out
}

fn html(
    head: &Head<'_>,
    entries: &[ReadEntry],
    names: Option<&Names>,
    controls: &[Control],
    evidence: &[(Digest, u64)],
) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Evidence pack of {origin}</title>\n<style>{STYLE}</style></head><body>\n<h1>Evidence pack</h1>\n<p>{scope}.</p>\n<dl>\
         <dt>Ledger</dt><dd><code>{origin}</code></dd>\
         <dt>Checkpoint</dt><dd>{size} entries, root <code>{root}</code></dd>\
         <dt>Witnesses</dt><dd>{witnesses}</dd>\
         <dt>Earlier checkpoint</dt><dd>{earlier}</dd>\
         <dt>Names of people</dt><dd>{named}</dd></dl>\n\
         <p>This page is made from the entries of the pack and proves nothing by itself. <code>interlock-verify PACK --key KEY</code> checks the proofs, and that this page is what follows from them.</p>\n",
        origin = escape(head.origin),
        scope = escape(&told(head.scope)),
        size = head.size,
        root = head.root,
        witnesses = match head.witnesses.required {
            0 => "none are required".to_owned(),
            n => format!("{n} of {} must have signed the checkpoint", head.witnesses.keys.len()),
        },
        earlier = match head.earlier {
            Some(size) => format!("of {size} entries, which this ledger continues"),
            None => "none was given".into(),
        },
        named = if names.is_some() { "as known when the pack was made; they are not proven" } else { "left out" },
    );
    let mut counts: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
    for it in controls {
        let column = match it.outcome.as_str() {
            "pass" => 0,
            "fail" => 1,
            _ => 2,
        };
        it.controls.iter().for_each(|control| counts.entry(control).or_default()[column] += 1);
    }
    out.push_str("<h2>Controls</h2>\n");
    let rows = counts.iter().map(|(control, [pass, fail, open])| {
        vec![escape(control), pass.to_string(), fail.to_string(), open.to_string()]
    });
    out.push_str(&table(&["Control", "Pass", "Fail", "Inconclusive"], rows));
    out.push_str("<h2>Rulings</h2>\n");
    let rows = controls.iter().map(|it| {
        vec![
            format!("<a href=\"#e{0}\">{0}</a>", it.position),
            escape(&it.about),
            escape(&it.outcome),
            format!("<code>{}</code>", escape(&it.policy)),
            escape(&it.controls.join(" ")),
        ]
    });
    out.push_str(&table(&["Entry", "About", "Outcome", "Policy", "Controls"], rows));
    out.push_str("<h2>Policy sets</h2>\n");
    let sets = entries.iter().filter_map(|it| Some((it, it.installed()?)));
    let rows = sets.map(|(it, (digest, packs))| {
        let packs = packs.iter().map(|pack| format!("{} {}", pack.name, pack.version)).collect::<Vec<_>>().join(", ");
        vec![it.position.to_string(), format!("<code>{}</code>", escape(&digest)), escape(&packs), folder(&digest)]
    });
    out.push_str(&table(&["Entry", "Digest", "Packs", "Folder"], rows));
    out.push_str("<h2>Evidence</h2>\n");
    let kept = evidence.iter().map(|(digest, bytes)| {
        let name = hex::encode(digest.0);
        vec![format!("<a href=\"evidence/{name}\"><code>{digest}</code></a>"), bytes.to_string(), "in the pack".into()]
    });
    let left = head.omitted.iter().map(|it| {
        vec![format!("<code>{}</code>", it.digest), it.bytes.to_string(), format!("left out: {}", escape(&it.why))]
    });
    out.push_str(&table(&["Digest", "Bytes", ""], kept.chain(left)));
    out.push_str("<h2>Entries</h2>\n");
    let rows = entries.iter().map(|it| {
        vec![
            format!("<span id=\"e{0}\">{0}</span>", it.position),
            it.at.to_string(),
            escape(who(&it.by, names)),
            escape(&it.kind),
            format!("<code>{}</code>", cut(&it.text)),
        ]
    });
    out.push_str(&table(&["Position", "At", "By", "Kind", "Content"], rows));
    out.push_str("</body></html>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_pages_escape_what_they_show() {
        assert_eq!(field("=1+1"), "'=1+1");
        assert_eq!(field("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(escape("<b a=\"1\">&\n"), "&lt;b a=&quot;1&quot;&gt;&amp; ");
        assert_eq!(file_name("a.cedar"), "a.cedar");
        assert!(file_name("../x").starts_with("named-") && file_name("").starts_with("named-"));
    }
}
