//! Reading what former versions wrote: an event of a kind that is no longer written becomes one of the kind that took its place.
//!
//! The stored bytes are never touched. An upcast is applied when an entry is read, before it is decoded, one after the other until no
//! upcast applies, so each needs to know only the next kind. How to add one: give the changed event a new kind (`release.planned` →
//! `release.planned_in_window`), keep the golden file of the old kind, and add a line to [`UPCASTS`] with a function from the old
//! data to the new.
//!
//! Invariants: an upcast is total over what its kind has ever meant, reads nothing but its argument, and never leads back to a kind
//! before it. Deliberately absent so far: any upcast. No kind has changed its meaning yet; fields that were added are optional.

use serde_json::{Value, value::RawValue};

/// From one kind to the next.
pub struct Upcast {
    pub from: &'static str,
    pub to: &'static str,
    /// From the old data to the new.
    pub data: fn(Value) -> Value,
}

/// The product's own, in the order in which the kinds changed.
pub const UPCASTS: &[Upcast] = &[];

/// The newest kind of an event and its text; `None` if the kind is as it always was.
pub(super) fn upcast(casts: &[Upcast], kind: &str, text: &str) -> Result<Option<(String, String)>, serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Stored<'a> {
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    let Some(first) = casts.iter().position(|it| it.from == kind) else { return Ok(None) };
    let stored: Stored<'_> = serde_json::from_str(text)?;
    let mut data: Value = stored.data.map(|it| serde_json::from_str(it.get())).transpose()?.unwrap_or_default();
    let mut kind = kind;
    for cast in &casts[first..] {
        if cast.from == kind {
            (kind, data) = (cast.to, (cast.data)(data));
        }
    }
    let text = serde_json::to_string(&serde_json::json!({ "kind": kind, "data": data }))?;
    Ok(Some((kind.to_owned(), text)))
}
