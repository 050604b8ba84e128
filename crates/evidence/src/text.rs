//! From bytes to text: UTF-8, with or without its mark (RFC 3629, section 6). Nothing else is guessed at.

use crate::{BYTES, Fault, fault::shown};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

pub(crate) fn decode(bytes: &[u8]) -> Result<&str, Fault> {
    if bytes.len() > BYTES {
        return Err(Fault::new("document-too-large", format!("it has {} bytes; {BYTES} are the most", bytes.len())));
    }
    let wide: Option<&str> = match bytes {
        [0xff, 0xfe, ..] | [_, 0, _, 0, ..] => Some("UTF-16, little-endian"),
        [0xfe, 0xff, ..] | [0, _, 0, _, ..] => Some("UTF-16, big-endian"),
        [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        _ => None,
    };
    if let Some(wide) = wide {
        return Err(Fault::new("document-encoding", format!("it is written in {wide}; expected UTF-8")));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Fault::new("document-encoding", format!("byte {} begins no character of UTF-8", error.valid_up_to()))
    })?;
    if let Some(at) = text.find('\0') {
        return Err(Fault::new("document-encoding", format!("byte {at} is zero, which no document of text holds")));
    }
    if text.trim().is_empty() {
        return Err(Fault::new("document-empty", "it holds nothing; send what the tool wrote"));
    }
    Ok(text)
}

/// A moment as RFC 3339 or ISO 8601 write it. Many tools leave the offset out, and then UTC is taken.
pub(crate) fn moment(path: &str, text: &str) -> Result<Timestamp, Fault> {
    let text = text.trim();
    let local = || text.parse::<DateTime>().ok().and_then(|it| TimeZone::UTC.to_timestamp(it).ok());
    text.parse::<Timestamp>().ok().or_else(local).ok_or_else(|| {
        let what = format!("{path}: `{}` is no moment; expected one such as 2026-11-26T10:00:00Z", shown(text));
        Fault::new("document-date", what)
    })
}
