//! SARIF 2.1.0 (OASIS), with `security-severity` as code hosts use it.
//!
//! A result counts unless its kind says that nothing is wrong (3.27.9), it is absent in the baseline (3.27.24), or every suppression
//! it carries is accepted (3.27.23, 3.35.3). A run without results, or whose tool says that it did not succeed, is not complete.

use crate::{
    Content, Fault, Finding, GROUPS, Severity, Status, Summary, Tool, fault::shown, json::View, summary::word,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

pub(crate) fn read(root: View<'_, '_>) -> Result<Summary, Fault> {
    let root = root.object()?;
    if !root.get("runs").is_there() && !root.get("version").is_there() {
        return Err(Fault::new("document-kind", "it has neither `version` nor `runs`; expected SARIF"));
    }
    let version = root.get("version").text()?;
    if version != "2.1.0" {
        return Err(Fault::new("document-version", format!("it is SARIF {}; expected 2.1.0", shown(version))));
    }
    let mut found = Groups::default();
    let (mut complete, mut tool, mut made) = (true, None, None::<Timestamp>);
    let mut runs = 0;
    let list = root.get("runs");
    for run in list.items()? {
        let run = run.object()?;
        runs += 1;
        let driver = run.get("tool");
        let driver = driver.get("driver");
        let name = driver.get("name").text()?;
        let version = driver.get("semanticVersion").text_or()?.or(driver.get("version").text_or()?);
        tool.get_or_insert(Tool { name: word(name), version: version.map(word) });
        let rules = Rules::of(&driver)?;
        let invocations = run.get("invocations");
        for invocation in invocations.items_or_none()? {
            complete &= invocation.get("executionSuccessful").bool_or()? != Some(false);
            let begun = invocation.get("startTimeUtc").moment_or()?;
            let ended = invocation.get("endTimeUtc").moment_or()?;
            if let Some(at) = begun.into_iter().chain(ended).min() {
                made = Some(made.map_or(at, |made| made.min(at)));
            }
        }
        let results = run.get("results");
        complete &= results.is_there();
        for result in results.items_or_none()? {
            one(&result.object()?, &rules, &mut found)?;
        }
    }
    if runs == 0 {
        complete = false;
    }
    Ok(Summary { tool, made, subjects: Vec::new(), content: Content::Findings { findings: found.list(), complete } })
}

struct Rule {
    id: String,
    level: Option<Severity>,
    score: Option<f64>,
}

struct Rules(Vec<Rule>);

impl Rules {
    fn of(driver: &View<'_, '_>) -> Result<Self, Fault> {
        let list = driver.get("rules");
        let rule = |it: View<'_, '_>| {
            let configured = it.get("defaultConfiguration");
            let properties = it.get("properties");
            Ok(Rule {
                id: it.get("id").text()?.to_owned(),
                level: level(&configured.get("level"))?,
                score: properties.get("security-severity").number_or()?,
            })
        };
        list.items_or_none()?.map(rule).collect::<Result<_, Fault>>().map(Self)
    }
}

fn level(view: &View<'_, '_>) -> Result<Option<Severity>, Fault> {
    Ok(match view.text_or()? {
        None => None,
        Some("error") => Some(Severity::High),
        Some("warning") => Some(Severity::Medium),
        Some("note") => Some(Severity::Low),
        Some("none") => Some(Severity::Info),
        Some(_) => return Err(view.wrong("one of none, note, warning, error")),
    })
}

fn one(result: &View<'_, '_>, rules: &Rules, found: &mut Groups) -> Result<(), Fault> {
    let kind = result.get("kind");
    match kind.text_or()? {
        None | Some("fail" | "open" | "review") => {}
        Some("pass" | "notApplicable" | "informational") => return Ok(()),
        Some(_) => return Err(kind.wrong("one of pass, open, informational, notApplicable, review, fail")),
    }
    let baseline = result.get("baselineState");
    match baseline.text_or()? {
        None | Some("new" | "unchanged" | "updated") => {}
        Some("absent") => return Ok(()),
        Some(_) => return Err(baseline.wrong("one of new, unchanged, updated, absent")),
    }
    let index = result.get("ruleIndex");
    let by_index = match index.number_or()? {
        // -1 is what 3.27.6 gives for "none".
        None => None,
        Some(-1.0) => None,
        Some(_) => {
            let at = index.index_or()?.unwrap_or_default();
            Some(rules.0.get(at).ok_or_else(|| index.wrong("the index of a rule of the tool"))?)
        }
    };
    let named = result.get("rule");
    let id = result.get("ruleId").text_or()?.or(named.get("id").text_or()?);
    let rule = by_index.or_else(|| rules.0.iter().find(|rule| Some(rule.id.as_str()) == id));
    let id = id.or(rule.map(|rule| rule.id.as_str()));
    let own = result.get("properties").get("security-severity").number_or()?;
    let score = own.or(rule.and_then(|rule| rule.score));
    let said = level(&result.get("level"))?.or(rule.and_then(|rule| rule.level));
    let severity = score.map_or(said.unwrap_or(Severity::Medium), Severity::of_score);
    let suppressions = result.get("suppressions");
    let mut accepted = None;
    for suppression in suppressions.items_or_none()? {
        let status = suppression.get("status");
        let good = match status.text_or()? {
            None | Some("accepted") => true,
            Some("underReview" | "rejected") => false,
            Some(_) => return Err(status.wrong("one of accepted, underReview, rejected")),
        };
        accepted = Some(accepted.unwrap_or(true) && good);
    }
    let status = if accepted == Some(true) { Status::SetAside } else { Status::Open };
    let since = result.get("provenance").get("firstDetectionTimeUtc").moment_or()?;
    let id = id.map(word).filter(|id| !id.is_empty()).unwrap_or_else(|| "(no rule)".into());
    found.add(id, severity, status, since)
}

/// Findings that are alike, counted.
#[derive(Default)]
pub(crate) struct Groups(BTreeMap<(String, Severity, Status), (u32, Option<Timestamp>)>);

impl Groups {
    pub fn add(
        &mut self,
        id: String,
        severity: Severity,
        status: Status,
        since: Option<Timestamp>,
    ) -> Result<(), Fault> {
        let entry = self.0.entry((id, severity, status)).or_default();
        entry.0 = entry.0.saturating_add(1);
        entry.1 = entry.1.into_iter().chain(since).min();
        if self.0.len() > GROUPS {
            let what = format!("it has more than {GROUPS} findings that differ in rule or severity");
            return Err(Fault::new("document-too-many", what));
        }
        Ok(())
    }

    pub fn list(self) -> Vec<Finding> {
        let finding = |((id, severity, status), (count, since))| Finding { id, severity, status, count, since };
        self.0.into_iter().map(finding).collect()
    }
}
