//! The activity log for other systems: comma-separated values, lines of JSON, Common Event Format.
//!
//! Invariants: oldest first, so that a collector goes on where it stopped; without `personal` no name, text or address appears, and
//! accounts are called by their ids. Sources: RFC 4180 (CSV); ArcSight Common Event Format, version 25 (CEF:0).

use super::{Activity, Wanted, query, sees_origins, view};
use crate::{
    auth::Caller,
    extract::Params,
    http::ledger,
    lens::Lens,
    problem::{Answer, Failure},
    state::App,
};
use axum::{
    extract::State,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use interlock_domain::policy::{self, Question};
use interlock_wire::{activity::ExportQuery, reason::Severity};

/// Entries looked through in one request.
const MOST: u64 = 10_000;
/// Where to go on.
const NEXT: HeaderName = HeaderName::from_static("x-next-after");
const TITLES: &str = "position,at,kind,actor_kind,actor_id,actor_name,summary,severity,submission,change,release,environment,targets,address,agent,token,evidence\r\n";

#[derive(Clone, Copy, PartialEq, Eq)]
enum ExportForm {
    Csv,
    Jsonl,
    Cef,
}

impl ExportForm {
    fn of(text: Option<&str>) -> Answer<Self> {
        match text {
            Some("csv") => Ok(Self::Csv),
            None | Some("jsonl") => Ok(Self::Jsonl),
            Some("cef") => Ok(Self::Cef),
            Some(_) => Err(Failure::invalid("invalid-query", "form", "form: give `csv`, `jsonl` or `cef`")),
        }
    }
}

/// The activity log for other systems, oldest first.
#[utoipa::path(get, path = "/activity/export", params(ExportQuery), responses((status = 200, content((String = "text/csv"), (String = "application/jsonl"), (String = "text/plain")))))]
pub async fn export(State(app): State<App>, caller: Caller, Params(it): Params<ExportQuery>) -> Answer<Response> {
    let count = it.count.unwrap_or(MOST);
    if !(1..=MOST).contains(&count) {
        return Err(Failure::invalid("invalid-query", "count", format!("count: give 1 to {MOST}")));
    }
    let mut lens = Lens::new(&app, &caller);
    let personal = it.personal.unwrap_or(false);
    if personal && !sees_origins(&lens) {
        let asked = Question::new("activity.origins", "Organisation", "organisation");
        let ruling = policy::ask(&lens.world, &caller.actor, asked);
        let kind = interlock_domain::reason::RefusalKind::Denied;
        let summary = "you may export activity only without names, texts and addresses";
        return Err(interlock_domain::reason::Refusal::new(kind, summary, ruling.blockers).into());
    }
    let wanted = Wanted::new(&app, &lens, &query(&it))?;
    lens.pseudonymous = !personal;
    let form = ExportForm::of(it.form.as_deref())?;
    let from = it.after.unwrap_or(0).max(wanted.span.0);
    let written = tokio::task::spawn_blocking(move || write(&lens, &wanted, form, from, count, personal)).await;
    let (text, next) = written.map_err(|_| Failure::unavailable("the export broke off; try again"))??;
    let kind = match form {
        ExportForm::Csv => "text/csv; charset=utf-8",
        ExportForm::Jsonl => "application/jsonl",
        ExportForm::Cef => "text/plain; charset=utf-8",
    };
    let mut response = ([(header::CONTENT_TYPE, kind)], text).into_response();
    if let Some(next) = next {
        response.headers_mut().insert(NEXT, HeaderValue::from(next));
    }
    Ok(response)
}

fn write(
    lens: &Lens,
    wanted: &Wanted,
    form: ExportForm,
    from: u64,
    count: u64,
    personal: bool,
) -> Answer<(String, Option<u64>)> {
    let mut text = if form == ExportForm::Csv { TITLES.to_owned() } else { String::new() };
    let mut places = super::Places::default();
    let end = wanted.span.1.min(from.saturating_add(count));
    let mut at = from;
    while at < end {
        let entries = ledger::read(lens.engine.ledger().as_ref(), at, (end - at).min(super::CHUNK))?;
        if entries.is_empty() {
            break;
        }
        for stored in &entries {
            let record = ledger::record(stored)?;
            if let Some((place, _)) = wanted.fits(lens, &mut places, stored, &record) {
                let mut it = view(lens, personal, stored, &record, &place);
                if !personal {
                    it.origin = None;
                }
                line(&mut text, form, &it);
            }
            at = stored.position + 1;
        }
    }
    Ok((text, Some(at).filter(|at| *at < wanted.span.1)))
}

fn line(text: &mut String, form: ExportForm, it: &Activity) {
    match form {
        ExportForm::Csv => {
            let fields: Vec<String> = fields(it).iter().map(|field| csv(field)).collect();
            text.push_str(&fields.join(","));
            text.push_str("\r\n");
        }
        ExportForm::Jsonl => {
            text.push_str(&serde_json::to_string(it).unwrap_or_default());
            text.push('\n');
        }
        ExportForm::Cef => {
            text.push_str(&cef(it));
            text.push('\n');
        }
    }
}

fn fields(it: &Activity) -> [String; 17] {
    let origin = it.origin.clone();
    let severity = serde_json::to_value(it.row.severity).ok();
    [
        it.row.position.to_string(),
        it.row.at.to_string(),
        it.row.kind.clone(),
        it.row.actor.kind.clone(),
        it.row.actor.id.clone(),
        it.row.actor.name.clone(),
        it.row.summary.clone(),
        severity.and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_default(),
        it.submission.clone(),
        it.change.as_ref().map(|it| it.id.clone()).unwrap_or_default(),
        it.release.as_ref().map(|it| it.name.clone()).unwrap_or_default(),
        it.environment.clone().unwrap_or_default(),
        it.targets.join(" "),
        origin.as_ref().and_then(|it| it.address.clone()).unwrap_or_default(),
        origin.as_ref().and_then(|it| it.agent.clone()).unwrap_or_default(),
        origin.and_then(|it| it.token).unwrap_or_default(),
        it.evidence.join(" "),
    ]
}

/// A field as RFC 4180 writes it. What a spreadsheet would take for a formula is preceded by an apostrophe.
fn csv(field: &str) -> String {
    let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let field = if formula { format!("'{field}") } else { field.to_owned() };
    if field.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}

/// One event in Common Event Format: what stands between bars has bars and backslashes escaped, values have equals signs,
/// backslashes and ends of lines escaped.
fn cef(it: &Activity) -> String {
    let header = |text: &str| text.replace('\\', "\\\\").replace('|', "\\|").replace(['\r', '\n'], " ");
    let value =
        |text: &str| text.replace('\\', "\\\\").replace('=', "\\=").replace("\r\n", "\\n").replace(['\r', '\n'], "\\n");
    let severity = match it.row.severity {
        Severity::Neutral => 1,
        Severity::Good | Severity::Info => 3,
        Severity::Warning => 6,
        Severity::Bad => 8,
    };
    let mut pairs: Vec<(&str, String)> = vec![
        ("rt", it.row.at.as_millisecond().to_string()),
        ("externalId", it.row.position.to_string()),
        ("suid", it.row.actor.id.clone()),
        ("suser", it.row.actor.name.clone()),
    ];
    let mut add = |key: &'static str, text: Option<String>| pairs.extend(text.map(|text| (key, text)));
    if let Some(origin) = &it.origin {
        add("src", origin.address.clone());
        add("requestClientApplication", origin.agent.clone());
    }
    add("dhost", Some(it.targets.join(" ")).filter(|text| !text.is_empty()));
    for (label, key, name, text) in [
        ("cs1Label", "cs1", "change", it.change.as_ref().map(|it| it.id.clone())),
        ("cs2Label", "cs2", "release", it.release.as_ref().map(|it| it.name.clone())),
        ("cs3Label", "cs3", "environment", it.environment.clone()),
        ("cs4Label", "cs4", "submission", Some(it.submission.clone())),
    ] {
        if let Some(text) = text {
            add(label, Some(name.into()));
            add(key, Some(text));
        }
    }
    let pairs: Vec<String> = pairs.iter().map(|(key, text)| format!("{key}={}", value(text))).collect();
    format!(
        "CEF:0|Interlock|Interlock|{}|{}|{}|{severity}|{}",
        env!("CARGO_PKG_VERSION"),
        header(&it.row.kind),
        header(&it.row.summary),
        pairs.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_as_rfc_4180_says_and_no_formula_gets_through() {
        assert_eq!(csv("plain"), "plain");
        assert_eq!(csv("a,b"), "\"a,b\"");
        assert_eq!(csv("say \"so\""), "\"say \"\"so\"\"\"");
        assert_eq!(csv("=1+1"), "'=1+1");
        assert_eq!(csv("@a\nb"), "\"'@a\nb\"");
    }
}
