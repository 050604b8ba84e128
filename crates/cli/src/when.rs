//! Times as people type them: `now`, a length from now such as `+2h 30m`, or RFC 3339.

use interlock_wire::length::Length;
use jiff::{SignedDuration, Timestamp};

/// Reads a time, taking lengths from `now`.
fn from(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let moved = |length: &str, sign: i64| {
        let length: Length = length.trim().parse()?;
        now.checked_add(SignedDuration::from_secs(i64::from(length.0) * sign)).map_err(|error| error.to_string())
    };
    match text.trim() {
        "now" => Ok(now),
        text if text.starts_with('+') => moved(&text[1..], 1),
        text if text.starts_with('-') => moved(&text[1..], -1),
        text => text.parse().map_err(|_| {
            format!("`{text}` is no time: write `now`, `+2h 30m`, `-7d` or RFC 3339 such as `2026-11-23T18:00:00Z`")
        }),
    }
}

/// For arguments.
pub fn when(text: &str) -> Result<Timestamp, String> {
    from(text, Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_type_them() {
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("now", "2026-11-23T10:00:00Z"),
            ("+2h 30m", "2026-11-23T12:30:00Z"),
            ("-1d", "2026-11-22T10:00:00Z"),
            ("2026-12-24T18:00:00+01:00", "2026-12-24T17:00:00Z"),
        ] {
            assert_eq!(from(text, now).unwrap(), expected.parse::<Timestamp>().unwrap(), "{text}");
        }
        for bad in ["", "soon", "+", "+1", "18:00"] {
            assert!(from(bad, now).is_err(), "{bad}");
        }
    }
}
