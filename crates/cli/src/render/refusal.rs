//! Refusals: what was refused, everything that stands in the way, what clears it, who can, by when, and other times.
//! Invariant: no blocker, slot or fault is left out.

use super::{Paint, relative, time};
use interlock_wire::{
    problem::Problem,
    reason::{Blocker, Severity, Span},
};
use jiff::Timestamp;

/// A problem as the command line tells it.
pub fn problem(it: &Problem, paint: Paint, now: Timestamp) -> String {
    let mut lines = vec![format!("{} {}", paint.severity(Severity::Bad, "Refused:"), paint.bold(&it.detail))];
    if it.blockers.is_empty() {
        lines.push(format!("  ({})", it.code));
    }
    lines.extend(blockers(&it.blockers, paint, now));
    for fault in &it.faults {
        let place = match (fault.line, fault.column) {
            (Some(line), Some(column)) => format!("line {line}, column {column}: "),
            (Some(line), None) => format!("line {line}: "),
            _ => String::new(),
        };
        let field = fault.field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default();
        lines.push(format!("  - {place}{field}{}", fault.message));
    }
    lines.extend(slots(&it.slots, now));
    if let Some(id) = &it.request_id {
        lines.push(paint.dim(&format!("  request {id}")));
    }
    lines.join("\n")
}

/// Blockers, one paragraph each.
pub fn blockers(all: &[Blocker], paint: Paint, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    for it in all {
        lines.push(format!("  - {} {}", it.message, paint.dim(&format!("({})", it.code))));
        lines.push(format!("      clears: {}", it.clears));
        let who: Vec<&str> = it.who.iter().map(String::as_str).filter(|who| !who.is_empty()).collect();
        if !who.is_empty() {
            lines.push(format!("      who:    {}", who.join(", ")));
        }
        if let Some(by) = it.by {
            lines.push(format!("      by:     {} ({})", time(by), relative(by, now)));
        }
    }
    lines
}

/// Times that would do instead.
pub fn slots(all: &[Span], now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    if !all.is_empty() {
        lines.push("  Free instead:".into());
    }
    lines.extend(
        all.iter()
            .map(|slot| format!("      {} to {} ({})", time(slot.start), time(slot.end), relative(slot.start, now))),
    );
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use interlock_wire::problem::Fault;

    #[test]
    fn a_refusal_tells_everything() {
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let later: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let blocker = |code: &str, who: &[&str], by| Blocker {
            code: code.into(),
            message: format!("message of {code}"),
            clears: format!("what clears {code}"),
            who: who.iter().map(|it| (*it).to_owned()).collect(),
            by,
        };
        let it = Problem {
            kind: "urn:x".into(),
            title: "Something stands in the way".into(),
            status: 409,
            detail: "release `a` cannot be planned there".into(),
            code: "blocked".into(),
            blockers: vec![
                blocker("calendar-closed", &["finance"], Some(later)),
                blocker("segregation.author", &["Amir", "Bea"], None),
                blocker("third", &[""], None),
            ],
            slots: vec![Span { start: later, end: later }],
            faults: vec![Fault {
                field: Some("spec.length".into()),
                line: Some(3),
                column: Some(7),
                message: "no length".into(),
            }],
            request_id: Some("abc".into()),
        };
        let text = problem(&it, Paint::never(), now);
        let expected = [
            "Refused: release `a` cannot be planned there",
            "  - message of calendar-closed (calendar-closed)",
            "      clears: what clears calendar-closed",
            "      who:    finance",
            "in 2 h 0 min",
            "  - message of segregation.author (segregation.author)",
            "      who:    Amir, Bea",
            "  - message of third (third)",
            "  - line 3, column 7: spec.length: no length",
            "  Free instead:",
            "  request abc",
        ];
        let mut rest = text.as_str();
        for part in expected {
            let at = rest.find(part).unwrap_or_else(|| panic!("`{part}` is missing, or not in its place:\n{text}"));
            rest = &rest[at + part.len()..];
        }
        assert_eq!(text.matches("who:").count(), 2, "nobody is not named:\n{text}");
    }
}
