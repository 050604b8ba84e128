//! Lengths of time as people write them, and how much of something is taken: `30s`, `2h 30m`, `1d`; `2`, `25%`, `rest`.
//! Invariant: text and value correspond; a number without a unit is not a length. A day is 24 hours here.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{fmt, str::FromStr};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::schema::{ObjectBuilder, Schema, SchemaType, Type},
};

/// A length of time in whole seconds, 0 to 366 days, written as `90s`, `15m`, `2h 30m`, `1d` or ISO 8601 (`PT2H`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length(pub u32);

const LONGEST: i64 = 366 * 86_400;

impl FromStr for Length {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shown: String = text.chars().take(40).collect();
        let bad = |why: &str| {
            format!("`{shown}` is not a length of time: {why}; write one such as `30s`, `15m`, `2h 30m` or `1d`")
        };
        let span: jiff::Span = text.parse().map_err(|_| bad("it has no number and unit"))?;
        let duration = span
            .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
            .map_err(|_| bad("months and years have no fixed length"))?;
        if duration.subsec_nanos() != 0 {
            return Err(bad("it must be whole seconds"));
        }
        if !(0..=LONGEST).contains(&duration.as_secs()) {
            return Err(bad("it must be between 0 and 366 days"));
        }
        Ok(Self(duration.as_secs() as u32))
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, hours, minutes, seconds) = (self.0 / 86_400, self.0 / 3_600 % 24, self.0 / 60 % 60, self.0 % 60);
        let parts = [(days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s")];
        let words: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
        f.write_str(if words.is_empty() { "0s".into() } else { words.join(" ") }.as_str())
    }
}

impl Serialize for Length {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl serde::de::Visitor<'_> for Visit {
            type Value = Length;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time such as `30s` or `2h`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Length, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visit)
    }
}

/// How many targets a wave takes: a count (`2`), a share of all the service's targets (`25%`), or `rest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    Count(u32),
    Percent(u32),
    Rest,
}

impl FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shown: String = text.chars().take(40).collect();
        let bad = || {
            format!("`{shown}` is no number of targets: write a count such as `2`, a share such as `25%`, or `rest`")
        };
        let number = |digits: &str| digits.parse::<u32>().map_err(|_| bad());
        match text.strip_suffix('%') {
            _ if text == "rest" => Ok(Self::Rest),
            Some(share) => Some(number(share)?).filter(|n| (1..=100).contains(n)).map(Self::Percent).ok_or_else(bad),
            None => Some(number(text)?).filter(|n| *n > 0).map(Self::Count).ok_or_else(bad),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Rest => f.write_str("rest"),
        }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl serde::de::Visitor<'_> for Visit {
            type Value = Amount;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a count, a share such as `25%`, or `rest`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_u64<E: Error>(self, count: u64) -> Result<Amount, E> {
                count.to_string().parse().map_err(E::custom)
            }
            fn visit_i64<E: Error>(self, count: i64) -> Result<Amount, E> {
                count.to_string().parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

fn text_schema(description: &str, examples: &[&str]) -> utoipa::openapi::RefOr<Schema> {
    let object = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).description(Some(description));
    object.examples(examples.iter().map(|it| serde_json::Value::from(*it))).into()
}

impl PartialSchema for Length {
    fn schema() -> utoipa::openapi::RefOr<Schema> {
        text_schema("A length of time in whole seconds, up to 366 days", &["30s", "2h 30m", "1d"])
    }
}

impl ToSchema for Length {}

impl PartialSchema for Amount {
    fn schema() -> utoipa::openapi::RefOr<Schema> {
        text_schema("A count of targets, a share of them, or `rest`", &["2", "25%", "rest"])
    }
}

impl ToSchema for Amount {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("0s", 0),
            ("90s", 90),
            ("15m", 900),
            ("2h 30m", 9_000),
            ("2h30m", 9_000),
            ("1d", 86_400),
            ("PT2H", 7_200),
            ("1w", 604_800),
        ] {
            assert_eq!(text.parse::<Length>(), Ok(Length(seconds)), "{text}");
        }
        for bad in ["", "5", "1.5s", "-1h", "1mo", "1y", "soon", "400d", "h"] {
            assert!(bad.parse::<Length>().unwrap_err().contains("`30s`"), "{bad}");
        }
        assert!(serde_json::from_str::<Length>("30").unwrap_err().to_string().contains("`30s`"));
    }

    #[test]
    fn lengths_are_written_so_that_they_read_back() {
        for seconds in [0, 1, 59, 60, 3_661, 86_400, 90_061, 31_622_400] {
            let text = Length(seconds).to_string();
            assert_eq!(text.parse::<Length>(), Ok(Length(seconds)), "{text}");
        }
    }

    #[test]
    fn amounts_are_counts_shares_or_the_rest() {
        for (text, amount) in [
            ("1", Amount::Count(1)),
            ("25%", Amount::Percent(25)),
            ("100%", Amount::Percent(100)),
            ("rest", Amount::Rest),
        ] {
            assert_eq!(text.parse::<Amount>(), Ok(amount));
            assert_eq!(amount.to_string(), text);
        }
        assert_eq!(serde_json::from_str::<Amount>("3").unwrap(), Amount::Count(3));
        for bad in ["", "0", "0%", "101%", "-1", "all", "1.5", "%"] {
            assert!(bad.parse::<Amount>().is_err(), "{bad}");
        }
    }
}
