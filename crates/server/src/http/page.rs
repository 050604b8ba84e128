//! Cuts lists into pages. The cursor is the key of the last item, so a page stays where it is while the list grows.

use crate::problem::{Answer, Failure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use interlock_wire::page::{Page, Paging};

const DEFAULT: u32 = 100;
const MOST: u32 = 500;

/// How many items a page has.
pub fn limit(paging: &Paging) -> Answer<usize> {
    match paging.limit.unwrap_or(DEFAULT) {
        limit @ 1..=MOST => Ok(limit as usize),
        _ => Err(Failure::invalid("invalid-query", "limit", format!("limit: give 1 to {MOST}"))),
    }
}

/// The key after which the page begins.
pub fn after(paging: &Paging) -> Answer<Option<String>> {
    let bad = || {
        Failure::invalid(
            "invalid-cursor",
            "cursor",
            "the cursor is not one this server gave; begin with the first page",
        )
    };
    let decode = |text: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?).map_err(|_| bad());
    paging.cursor.as_deref().map(decode).transpose()
}

pub fn cursor(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

/// A page of items that come in the order of their keys, each key once.
pub fn of<I, T>(
    paging: &Paging,
    items: impl Iterator<Item = I>,
    key: impl Fn(&I) -> String,
    view: impl Fn(I) -> T,
) -> Answer<Page<T>> {
    cut(paging, items, key, view, |key, after| key > after)
}

/// The same for items that come in the reverse order of their keys: the newest first.
pub fn reversed<I, T>(
    paging: &Paging,
    items: impl Iterator<Item = I>,
    key: impl Fn(&I) -> String,
    view: impl Fn(I) -> T,
) -> Answer<Page<T>> {
    cut(paging, items, key, view, |key, after| key < after)
}

fn cut<I, T>(
    paging: &Paging,
    items: impl Iterator<Item = I>,
    key: impl Fn(&I) -> String,
    view: impl Fn(I) -> T,
    beyond: impl Fn(&str, &str) -> bool,
) -> Answer<Page<T>> {
    let (limit, after) = (limit(paging)?, after(paging)?);
    let mut rest = items.filter(|item| after.as_deref().is_none_or(|after| beyond(&key(item), after))).peekable();
    let mut found = Vec::new();
    let mut last = None;
    while found.len() < limit
        && let Some(item) = rest.next()
    {
        last = Some(key(&item));
        found.push(view(item));
    }
    let more = rest.peek().is_some();
    Ok(Page { items: found, next: last.filter(|_| more).map(|key| cursor(&key)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another_without_gap_or_overlap() {
        let all: Vec<String> = (0..25).map(|n| format!("{n:02}")).collect();
        for backwards in [false, true] {
            let mut paging = Paging { cursor: None, limit: Some(10) };
            let mut seen = Vec::new();
            loop {
                let page = if backwards {
                    reversed(&paging, all.iter().rev(), |it| it.to_string(), Clone::clone).unwrap()
                } else {
                    of(&paging, all.iter(), |it| it.to_string(), Clone::clone).unwrap()
                };
                seen.extend(page.items);
                match page.next {
                    Some(next) => paging.cursor = Some(next),
                    None => break,
                }
            }
            if backwards {
                seen.reverse();
            }
            assert_eq!(seen, all);
        }
    }

    #[test]
    fn a_limit_or_cursor_that_cannot_be_is_refused() {
        for (cursor, limit) in [(None, Some(0)), (None, Some(501)), (Some("***"), None), (Some("_w"), None)] {
            let paging = Paging { cursor: cursor.map(str::to_owned), limit };
            assert_eq!(of(&paging, ["a"].into_iter(), |it| it.to_string(), |it| it).unwrap_err().status(), 422);
        }
    }
}
