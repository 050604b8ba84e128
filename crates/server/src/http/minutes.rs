//! Minutes of a meeting as a text to be read, kept and printed.
//!
//! Deliberately absent: the digest. It is over the minutes as canonical JSON (`interlock_domain::board::minutes_of`), which hold no
//! text of people, so that a text that is erased leaves the signature good.

use super::board::{find, meeting_view};
use crate::{auth::Caller, extract::At, lens::Lens, problem::Answer, state::App};
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use interlock_wire::board::{AgendaItem, Meeting, Seat};
use std::fmt::Write as _;

/// Text of people within a line of Markdown: it stays text.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

fn seat(it: &Seat) -> String {
    let by = it.by.as_ref().map(|by| format!(" by {}", plain(&by.name))).unwrap_or_default();
    let why = it.reason.as_ref().map(|reason| format!(": {}", plain(reason))).unwrap_or_default();
    format!("- {}: {}{by}{why}\n", plain(&it.member.name), it.status.label.to_lowercase())
}

fn item(number: usize, it: &AgendaItem) -> String {
    let mut text = format!("\n## {number}. {}\n\n", plain(&it.change.name));
    let _ =
        writeln!(text, "{} ({:?} change, {:?} impact)\n", plain(&it.change.summary), it.change.class, it.change.impact);
    let decided = match (&it.verdict, it.decided_at) {
        (Some(verdict), Some(at)) => format!("{} at {at}", verdict.label),
        _ => "Put off: not decided in this meeting".into(),
    };
    let tally = &it.tally;
    let _ = writeln!(
        text,
        "**{decided}.** {} for, {} against, {} abstained; {} people, quorum {}.\n",
        tally.approve, tally.reject, tally.abstain, tally.heads, tally.quorum
    );
    for vote in &it.votes {
        let behalf = vote.on_behalf_of.as_ref().map(|it| format!(" for {}", plain(&it.name))).unwrap_or_default();
        let _ = writeln!(
            text,
            "- {}{behalf}: {}. {} (signed {} as {}, {})",
            plain(&vote.by.name),
            vote.choice.label.to_lowercase(),
            plain(&vote.reason),
            vote.signature.at,
            vote.signature.meaning,
            vote.signature.signed
        );
        for condition in &vote.conditions {
            let _ = writeln!(text, "  - Condition: {}", plain(condition));
        }
    }
    text
}

/// The minutes in Markdown.
fn markdown(it: &Meeting) -> String {
    let mut text = format!("# Minutes of {}\n\n", plain(&it.row.board));
    let _ = writeln!(text, "Meeting {} of {}: {}.\n", it.row.id, it.row.at, it.row.status.label.to_lowercase());
    let _ = writeln!(
        text,
        "Quorum {}, rule {}. Called by {}.\n",
        it.quorum,
        it.rule.replace('_', " "),
        plain(&it.called_by.name)
    );
    it.seats.iter().for_each(|it| text.push_str(&seat(it)));
    for (index, agenda) in it.agenda.iter().enumerate() {
        text.push_str(&item(index + 1, agenda));
    }
    if let Some(remarks) = &it.remarks {
        let _ = writeln!(text, "\n## Remarks\n\n{}", plain(remarks));
    }
    if let Some(signature) = &it.signature {
        let _ = writeln!(
            text,
            "\nSigned by {} at {} ({}, by {}): {}",
            plain(&signature.by.name),
            signature.at,
            signature.meaning,
            signature.proof,
            signature.signed
        );
    }
    text
}

/// The minutes of a meeting, to be read.
#[utoipa::path(get, path = "/meetings/{meeting}/minutes", params(("meeting" = String, Path)), responses((status = 200, body = String, content_type = "text/markdown")))]
pub async fn minutes(State(app): State<App>, caller: Caller, At(text): At<String>) -> Answer<Response> {
    let lens = Lens::new(&app, &caller);
    let (board, found) = find(&lens, &text)?;
    let text = markdown(&meeting_view(&lens, &board, &found));
    Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], text).into_response())
}
