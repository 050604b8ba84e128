//! As much of Rust's grammar as the rules need: where comments, texts and tests are.
//!
//! Invariant: blanking keeps every byte's place, so that a line found in the result is the line in the file.

/// A file seen three ways, all of the same length.
pub struct Views {
    /// Comments and the insides of texts blanked: what is left is code.
    pub code: String,
    /// Only comments blanked.
    pub texts: String,
}

#[derive(Clone, Copy, PartialEq)]
enum At {
    Code,
    Line,
    Block(usize),
    /// A text, closed by a quote and this many `#`; `None`: escapes count.
    Text(Option<usize>),
}

fn blank(byte: u8) -> u8 {
    if byte == b'\n' { b'\n' } else { b' ' }
}

/// Blanks comments and texts.
pub fn views(source: &str) -> Views {
    let bytes = source.as_bytes();
    let (mut code, mut texts) = (Vec::with_capacity(bytes.len()), Vec::with_capacity(bytes.len()));
    let mut at = At::Code;
    let mut i = 0;
    while i < bytes.len() {
        let rest = &bytes[i..];
        let (next, taken) = step(at, rest, i.checked_sub(1).map(|before| bytes[before]));
        for &byte in &rest[..taken] {
            let (in_code, in_texts) = match (at, next) {
                (At::Code, At::Line | At::Block(_)) => (false, false),
                (At::Code, _) => (true, true),
                (At::Line, At::Code) => (byte == b'\n', byte == b'\n'),
                (At::Line | At::Block(_), _) => (false, false),
                (At::Text(_), At::Code) => (true, true),
                (At::Text(_), _) => (false, true),
            };
            code.push(if in_code { byte } else { blank(byte) });
            texts.push(if in_texts { byte } else { blank(byte) });
        }
        at = next;
        i += taken;
    }
    let text = |bytes| String::from_utf8(bytes).unwrap_or_default();
    Views { code: text(code), texts: text(texts) }
}

/// What comes after the bytes taken, and how many are taken.
fn step(at: At, rest: &[u8], before: Option<u8>) -> (At, usize) {
    match at {
        At::Code if rest.starts_with(b"//") => (At::Line, 2),
        At::Code if rest.starts_with(b"/*") => (At::Block(1), 2),
        At::Code if rest[0] == b'"' => (At::Text(None), 1),
        At::Code if matches!(rest[0], b'r' | b'b' | b'c') && !before.is_some_and(is_word) => {
            raw(rest).map_or((At::Code, 1), |(hashes, taken)| (At::Text(hashes), taken))
        }
        At::Code if rest[0] == b'\'' => (At::Code, character(rest)),
        At::Code => (At::Code, 1),
        At::Line => (if rest[0] == b'\n' { At::Code } else { At::Line }, 1),
        At::Block(depth) if rest.starts_with(b"/*") => (At::Block(depth + 1), 2),
        At::Block(1) if rest.starts_with(b"*/") => (At::Code, 2),
        At::Block(depth) if rest.starts_with(b"*/") => (At::Block(depth - 1), 2),
        At::Block(depth) => (At::Block(depth), 1),
        At::Text(None) if rest[0] == b'\\' => (At::Text(None), rest.len().min(2)),
        At::Text(None) if rest[0] == b'"' => (At::Code, 1),
        At::Text(Some(hashes)) if rest[0] == b'"' && rest[1..].iter().take_while(|b| **b == b'#').count() >= hashes => {
            (At::Code, 1 + hashes)
        }
        At::Text(kind) => (At::Text(kind), 1),
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The beginning of a raw or byte text: its number of `#`, and its length.
fn raw(rest: &[u8]) -> Option<(Option<usize>, usize)> {
    let prefix = rest.iter().take(2).take_while(|b| matches!(**b, b'r' | b'b' | b'c')).count();
    let is_raw = rest[..prefix].contains(&b'r');
    let hashes = rest[prefix..].iter().take_while(|b| **b == b'#').count();
    let quote = rest.get(prefix + hashes) == Some(&b'"');
    (quote && (is_raw || hashes == 0)).then_some((is_raw.then_some(hashes), prefix + hashes + 1))
}

/// The length of a character, or 1 for the tick of a lifetime.
fn character(rest: &[u8]) -> usize {
    if rest.get(1) == Some(&b'\\') {
        let end = rest.iter().skip(3).take(12).position(|b| *b == b'\'');
        return end.map_or(1, |end| end + 4);
    }
    let length = match rest.get(1) {
        Some(0..=0x7f) => 1,
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        _ => 4,
    };
    if rest.get(1 + length) == Some(&b'\'') { length + 2 } else { 1 }
}

/// Blanks what is compiled for tests only, in a view and by the places found in `code`. Also names the modules whose own files
/// are for tests only.
pub fn without_tests(code: &str, view: &str) -> (String, Vec<String>) {
    let mut out = view.as_bytes().to_vec();
    let mut modules = Vec::new();
    let mut from = 0;
    while let Some(found) = code[from..].find("#[cfg(test)]") {
        let start = from + found;
        let body = start + "#[cfg(test)]".len();
        let open = code[body..].find('{').map(|at| body + at);
        let semicolon = code[body..].find(';').map(|at| body + at);
        let end = match (open, semicolon) {
            (Some(open), semicolon) if semicolon.is_none_or(|it| open < it) => closing(code, open),
            (_, Some(semicolon)) => {
                let words: Vec<&str> = code[body..semicolon].split_whitespace().collect();
                if let [.., "mod", name] = words.as_slice() {
                    modules.push((*name).to_owned());
                }
                semicolon
            }
            _ => code.len() - 1,
        };
        for byte in &mut out[start..=end.min(view.len() - 1)] {
            *byte = blank(*byte);
        }
        from = end;
    }
    (String::from_utf8(out).unwrap_or_default(), modules)
}

/// The place of the bracket that closes the one at `open`.
fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return at,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_texts_are_no_code() {
        let source = "a(\"std::time \\\" x\"); // std::env\n/* /* b */ c */ d('\"', r#\"e\"f\"#, b\"g\", 'h, br\"i\") \"j\nk\" l";
        let views = views(source);
        assert_eq!(views.code.len(), source.len());
        assert_eq!(views.code.split_whitespace().collect::<String>(), "a(\"\");d('\"',r#\"\"#,b\"\",'h,br\"\")\"\"l");
        assert!(views.texts.contains("std::time") && !views.texts.contains("std::env") && !views.texts.contains('c'));
        assert_eq!(views.code.lines().count(), 3);
        let escaped = super::views("x('\\'', '\\u{1F600}', 'ä', '\\n') /* y */ z");
        assert_eq!(escaped.code.split_whitespace().last(), Some("z"));
        assert!(!escaped.code.contains('y'));
    }

    #[test]
    fn tests_are_left_out_with_their_brackets_and_files() {
        let source = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { c } }\n#[cfg(test)]\npub(crate) mod given;\nfn d() {}\n#[cfg(test)]\nuse e::f;\nfn g() {}";
        let (left, modules) = without_tests(source, source);
        assert_eq!(left.split_whitespace().collect::<String>(), "fna(){}fnd(){}fng(){}");
        assert_eq!(modules, ["given"]);
        assert_eq!(left.lines().count(), source.lines().count());
    }
}
