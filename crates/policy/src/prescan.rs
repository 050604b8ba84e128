//! Bounds on policy text, checked before the parser sees it.
//!
//! The parser and everything after it recurse over expressions. Text that nests or chains without bound would end the
//! process by exhausting its stack, so it is refused here, by a scan that needs no stack at all.

/// Bytes in one file.
pub(crate) const MAX_FILE_BYTES: usize = 256 * 1024;
/// Policies in all packs together.
pub(crate) const MAX_POLICIES: usize = 1_000;
/// Brackets open at once.
const MAX_DEPTH: usize = 16;
/// Operators in one policy; chains of them nest as deeply as brackets do once parsed.
const MAX_OPERATORS: usize = 200;

/// Words that combine expressions like operators do.
const OPERATOR_WORDS: [&str; 7] = ["if", "then", "else", "has", "like", "in", "is"];

/// How many policies the text has at most; or the first place where it goes beyond the bounds, as line (from 1; 0 for the
/// text as a whole) and what is too much.
pub(crate) fn scan(text: &str) -> Result<usize, (usize, String)> {
    if text.len() > MAX_FILE_BYTES {
        return Err((0, format!("the file has {} bytes; {MAX_FILE_BYTES} is the most", text.len())));
    }
    let bytes = text.as_bytes();
    let (mut at, mut line, mut depth, mut operators, mut policies) = (0, 1, 0_usize, 0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'\n' => line += 1,
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                while at + 1 < bytes.len() && bytes[at + 1] != b'\n' {
                    at += 1;
                }
            }
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    if bytes[at] == b'\n' {
                        line += 1;
                    }
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
            }
            b'(' | b'[' | b'{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err((line, format!("brackets nest more than {MAX_DEPTH} deep")));
                }
                // A call and an index chain like operators do.
                if at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || matches!(bytes[at - 1], b')' | b']')) {
                    operators += 1;
                }
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b';' => {
                operators = 0;
                policies += 1;
            }
            b'&' | b'|' | b'=' | b'!' | b'<' | b'>' | b'+' | b'-' | b'*' | b'.' => operators += 1,
            byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                let start = at;
                while at + 1 < bytes.len() && (bytes[at + 1].is_ascii_alphanumeric() || bytes[at + 1] == b'_') {
                    at += 1;
                }
                if OPERATOR_WORDS.contains(&&text[start..=at]) {
                    operators += 1;
                }
            }
            _ => {}
        }
        if operators > MAX_OPERATORS {
            return Err((line, format!("a policy has more than {MAX_OPERATORS} operators")));
        }
        at += 1;
    }
    Ok(policies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_and_strings_and_comments_do_not_count() {
        assert!(
            scan(&format!("permit(principal,action,resource) when {{ \"{}\" == \"\" }};", "(".repeat(500))).is_ok()
        );
        assert!(scan(&format!("// {}\n", "((&&".repeat(500))).is_ok());
        assert!(scan(&"permit(principal, action, resource) when { a == b && c };\n".repeat(1000)).is_ok());
        assert_eq!(scan(&format!("\n\n{}", "(".repeat(40))).unwrap_err().0, 3);
        assert!(scan(&"true&&".repeat(300)).is_err());
        assert!(scan(&"if a then b else ".repeat(300)).is_err());
        assert!(scan(&" ".repeat(MAX_FILE_BYTES + 1)).is_err());
        assert!(scan("\"\\").is_ok());
    }
}
