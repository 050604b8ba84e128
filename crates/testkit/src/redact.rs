//! Short stable names for ids and digests, in the order in which they appear: `rel_06f…` becomes `rel-1`.

use std::collections::BTreeMap;

#[derive(Default)]
pub struct Redactor {
    names: BTreeMap<String, String>,
    counts: BTreeMap<String, usize>,
}

impl Redactor {
    /// Gives something its name beforehand.
    pub fn call(&mut self, text: impl ToString, name: impl Into<String>) {
        self.names.insert(text.to_string(), name.into());
    }

    fn name(&mut self, kind: &str, text: &str) -> String {
        if let Some(name) = self.names.get(text) {
            return name.clone();
        }
        let count = self.counts.entry(kind.to_owned()).or_default();
        *count += 1;
        let name = format!("{kind}-{count}");
        self.names.insert(text.to_owned(), name.clone());
        name
    }

    /// The text with every id and digest replaced.
    pub fn text(&mut self, text: &str) -> String {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let mut out = String::new();
        let mut rest = text;
        while let Some(start) = rest.find(is_word) {
            out.push_str(&rest[..start]);
            let end = rest[start..].find(|c| !is_word(c)).map_or(rest.len(), |length| start + length);
            let word = &rest[start..end];
            let kind = match (word.split_once('_'), word.strip_prefix("sha256:")) {
                (Some((kind, id)), _) if id.len() == 26 && interlock_ids::PREFIXES.contains(&kind) => Some(kind),
                (_, Some(hex)) if hex.len() == 64 => Some("digest"),
                _ => None,
            };
            match kind {
                Some(kind) => out.push_str(&self.name(kind, word)),
                None => out.push_str(word),
            }
            rest = &rest[end..];
        }
        out.push_str(rest);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_digests_are_named_in_the_order_of_their_appearance() {
        let mut redactor = Redactor::default();
        let (a, b) = ("rel_00041061050r3gg28a1c60t3gf", "rel_7zzzzzzzzzzzzzzzzzzzzzzzzz");
        let digest = format!("sha256:{}", "0a".repeat(32));
        let text = format!("{b} of `{a}`: ({b}, {digest}), step_done at 09:00:00");
        assert_eq!(redactor.text(&text), "rel-1 of `rel-2`: (rel-1, digest-1), step_done at 09:00:00");
        redactor.call(a, "spring");
        assert_eq!(redactor.text(a), "spring");
    }
}
