//! A control report as a page that can be printed, and as a table.
//!
//! Invariants: every text is escaped for where it stands; the page needs nothing from elsewhere and runs nothing; no cell of the
//! table begins like a formula. Deliberately absent: anything the report itself does not say.

use interlock_wire::{
    control::{ChangeRow, ControlReport, ControlTotal},
    reason::{Ref, Verdict},
};
use jiff::Timestamp;
use std::fmt::Write as _;

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn names(all: &[Ref]) -> String {
    all.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Inconclusive => "inconclusive",
    }
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2330;--dim:#5b6576;--line:#d9dee7;--paper:#fff;--good:#0b7a4b;--bad:#b42318;--warn:#9a6700;--soft:#f5f7fa}\
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--dim:#9aa4b5;--line:#333b48;--paper:#14181f;--good:#4ade9a;--bad:#ff8a7a;--warn:#f2c14e;--soft:#1b212b}}\
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:14px/1.5 system-ui,sans-serif}\
main{max-width:1180px;margin:0 auto;padding:32px 20px 64px}h1{font-size:26px;margin:0 0 4px}h2{font-size:17px;margin:36px 0 10px}\
p{margin:4px 0;color:var(--dim)}.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:10px}\
table{border-collapse:collapse;width:100%;font-size:13px}th,td{text-align:left;vertical-align:top;padding:8px 12px;border-bottom:1px solid var(--line)}\
th{font-weight:600;color:var(--dim);background:var(--soft);white-space:nowrap}tr:last-child td{border-bottom:0}\
td.n{text-align:right;font-variant-numeric:tabular-nums}.pass{color:var(--good)}.fail{color:var(--bad);font-weight:600}.inconclusive{color:var(--warn);font-weight:600}\
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:14px;margin:22px 0}dt{font-size:12px;color:var(--dim)}dd{margin:0;font-size:22px;font-weight:600;font-variant-numeric:tabular-nums}\
dd.small{font-size:13px;font-weight:400;overflow-wrap:anywhere}code{font:12px ui-monospace,monospace;overflow-wrap:anywhere}.sub{color:var(--dim);font-size:12px}\
@media print{main{max-width:none;padding:0}.scroll{border:0;overflow:visible}tr{break-inside:avoid}}";

/// The report as a page.
pub fn page(it: &ControlReport) -> String {
    let title = format!("Control report, {} to {}", day(it.from), day(it.to));
    let mut out = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{}</title><style>{STYLE}</style></head><body><main><h1>{}</h1>",
        escaped(&title),
        escaped(&title)
    );
    let exceptions: usize = it.changes.iter().map(|it| it.exceptions.len()).sum();
    let back = it.changes.iter().filter(|it| it.direction == "back").count();
    let _ = write!(
        out,
        "<p>{}. Every deployment that began from {} up to, not including, {}. Made {} by {}.</p><dl>",
        escaped(&it.organisation),
        minute(it.from),
        minute(it.to),
        minute(it.made_at),
        escaped(&it.made_by.name)
    );
    let applied: u64 = it.totals.iter().map(|it| it.applied).sum();
    let passed: u64 = it.totals.iter().map(|it| it.passed).sum();
    for (label, value) in [
        ("Deployments in the period", it.population.to_string()),
        ("of them taking something back", back.to_string()),
        ("Results of controls", applied.to_string()),
        ("of them not passed", (applied - passed).to_string()),
        ("Exceptions", exceptions.to_string()),
    ] {
        let _ = write!(out, "<div><dt>{label}</dt><dd>{value}</dd></div>");
    }
    let _ = write!(
        out,
        "<div><dt>Ledger</dt><dd class=\"small\">{}, {} entries<br><code>{}</code></dd></div></dl>",
        escaped(&it.origin),
        it.size,
        escaped(&it.root)
    );
    out.push_str("<h2>Controls</h2>");
    controls(&mut out, &it.totals);
    out.push_str("<h2>Exceptions</h2>");
    excepted(&mut out, &it.changes);
    out.push_str("<h2>Population</h2>");
    population(&mut out, &it.changes);
    out.push_str("</main></body></html>\n");
    out
}

fn controls(out: &mut String, totals: &[ControlTotal]) {
    out.push_str(
        "<div class=\"scroll\"><table><thead><tr><th>Control</th><th>Guarded by gate</th><th>Evidence</th><th>Applied to</th>\
         <th>Passed</th><th>Failed</th><th>Inconclusive</th><th>With exception</th></tr></thead><tbody>",
    );
    for it in totals {
        let number = |class: &str, value: u64| {
            let class = if value > 0 { class } else { "" };
            format!("<td class=\"n {class}\">{value}</td>")
        };
        let _ = write!(
            out,
            "<tr><td><b>{}</b> {}<div class=\"sub\">{}: {}</div></td><td>{}</td><td>{}</td>{}{}{}{}{}</tr>",
            escaped(&it.control),
            escaped(&it.title),
            escaped(&it.pack),
            escaped(&it.policies.join(", ")),
            escaped(&it.gates.join(", ")),
            escaped(&it.evidence),
            number("", it.applied),
            number("pass", it.passed),
            number("fail", it.failed),
            number("inconclusive", it.inconclusive),
            number("inconclusive", it.with_exception),
        );
    }
    out.push_str("</tbody></table></div>");
}

fn excepted(out: &mut String, changes: &[ChangeRow]) {
    let all: Vec<_> = changes.iter().flat_map(|change| change.exceptions.iter().map(move |it| (change, it))).collect();
    if all.is_empty() {
        out.push_str("<p>None.</p>");
        return;
    }
    out.push_str(
        "<div class=\"scroll\"><table><thead><tr><th>When</th><th>Release</th><th>What was let pass</th><th>By</th><th>Reason</th>\
         <th>Entry</th></tr></thead><tbody>",
    );
    for (change, it) in all {
        let _ = write!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"n\">{}</td></tr>",
            minute(it.at),
            escaped(&change.release.name),
            escaped(&it.what),
            escaped(it.by.as_ref().map_or("Interlock", |it| it.name.as_str())),
            escaped(it.reason.as_deref().unwrap_or_default()),
            it.position
        );
    }
    out.push_str("</tbody></table></div>");
}

fn population(out: &mut String, changes: &[ChangeRow]) {
    if changes.is_empty() {
        out.push_str("<p>No deployment began in the period.</p>");
        return;
    }
    out.push_str(
        "<div class=\"scroll\"><table><thead><tr><th>Began</th><th>Release</th><th>Services and data</th><th>Who</th>\
         <th>Who tested</th><th>Controls</th><th>Came to</th></tr></thead><tbody>",
    );
    for it in changes {
        let _ = write!(
            out,
            "<tr><td>{}<div class=\"sub\">entry {}</div></td><td><b>{}</b><div class=\"sub\">{}, {}{}<br>{}</div></td><td>{}\
             <div class=\"sub\">{}</div></td><td><span class=\"sub\">wrote</span> {}<br><span class=\"sub\">requested</span> {}<br>\
             <span class=\"sub\">approved</span> {}<br><span class=\"sub\">deployed</span> {}</td><td>{}</td><td>",
            minute(it.at),
            it.position,
            escaped(&it.release.name),
            escaped(it.class.as_deref().unwrap_or("class not known")),
            escaped(&it.environment),
            if it.direction == "back" { ", taking back" } else { "" },
            escaped(&it.deployment),
            escaped(&it.services.join(", ")),
            escaped(&data(it)),
            escaped(&names(&it.authors)),
            escaped(it.requested_by.as_ref().map_or("", |it| it.name.as_str())),
            escaped(&names(&it.approved_by)),
            escaped(it.started_by.as_ref().map_or("Interlock", |it| it.name.as_str())),
            escaped(&tested(it)),
        );
        if it.controls.is_empty() {
            out.push_str("<span class=\"sub\">none applied</span>");
        }
        for control in &it.controls {
            let class = word(control.verdict);
            let _ = write!(
                out,
                "<div><span class=\"{class}\">{class}</span> {} <span class=\"sub\">{}</span></div>",
                escaped(&control.control),
                escaped(&control.why)
            );
        }
        let ended = it.ended_at.map(minute).unwrap_or_else(|| "still runs".into());
        let _ = write!(
            out,
            "</td><td>{}<div class=\"sub\">{}</div></td></tr>",
            escaped(it.result.as_deref().unwrap_or("running")),
            escaped(&ended)
        );
    }
    out.push_str("</tbody></table></div>");
}

fn data(it: &ChangeRow) -> String {
    match &it.data_classes {
        None if it.direction == "back" => String::new(),
        None => "data not known".into(),
        Some(classes) if classes.is_empty() => "no classed data".into(),
        Some(classes) => classes.join(", "),
    }
}

fn tested(it: &ChangeRow) -> String {
    let attached = (!it.tested_by.is_empty()).then(|| format!("evidence by {}", names(&it.tested_by)));
    let signed = (!it.signed_by.is_empty()).then(|| format!("signed by {}", it.signed_by.join(", ")));
    attached.into_iter().chain(signed).collect::<Vec<_>>().join("; ")
}

/// A cell (RFC 4180). One that begins like a formula gets an apostrophe before it, so that no spreadsheet runs it.
fn cell(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// The report as a table: one line for each deployment and control that applied, one for a deployment to which none did.
pub fn table(it: &ControlReport) -> String {
    let head = [
        "deployment",
        "entry",
        "began",
        "direction",
        "release",
        "environment",
        "class",
        "services",
        "data_classes",
        "requested_by",
        "authors",
        "approved_by",
        "tested_by",
        "started_by",
        "ended",
        "result",
        "refusals",
        "pack",
        "control",
        "outcome",
        "why",
        "exceptions",
    ];
    let mut out = head.join(",") + "\r\n";
    for change in &it.changes {
        let exceptions: Vec<&str> = change.exceptions.iter().map(|it| it.what.as_str()).collect();
        let person = |it: &Option<Ref>| it.as_ref().map(|it| it.name.clone()).unwrap_or_default();
        let before = [
            change.deployment.clone(),
            change.position.to_string(),
            change.at.to_string(),
            change.direction.clone(),
            change.release.name.clone(),
            change.environment.clone(),
            change.class.clone().unwrap_or_default(),
            change.services.join(" "),
            change.data_classes.as_ref().map(|it| it.join(" ")).unwrap_or_default(),
            person(&change.requested_by),
            names(&change.authors),
            names(&change.approved_by),
            tested(change),
            person(&change.started_by),
            change.ended_at.map(|it| it.to_string()).unwrap_or_default(),
            change.result.clone().unwrap_or_default(),
            change.refusals.to_string(),
        ];
        let none = ["", "", "", ""].map(str::to_owned);
        let of = |it: &interlock_wire::control::ControlOutcome| {
            [it.pack.clone(), it.control.clone(), word(it.verdict).to_owned(), it.why.clone()]
        };
        let results: Vec<[String; 4]> =
            if change.controls.is_empty() { vec![none] } else { change.controls.iter().map(of).collect() };
        for result in results {
            let cells = before.iter().chain(&result).cloned().chain([exceptions.join("; ")]);
            out.push_str(&cells.map(|it| cell(&it)).collect::<Vec<_>>().join(","));
            out.push_str("\r\n");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_report_becomes_markup_or_a_formula() {
        assert_eq!(escaped("<b onclick='x'>&\""), "&lt;b onclick=&#39;x&#39;&gt;&amp;&quot;");
        for (text, written) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"yes\"", "\"say \"\"yes\"\"\""),
            ("=1+1", "'=1+1"),
            ("-2", "'-2"),
            ("@cmd", "'@cmd"),
            ("two\nlines", "\"two\nlines\""),
        ] {
            assert_eq!(cell(text), written);
        }
    }
}
