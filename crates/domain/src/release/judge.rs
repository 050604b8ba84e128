//! Judges what evidence shows against what a release asks for. Pure: the world, the release, and `now`.
//!
//! Invariants: evidence about another digest is not even looked at; what is absent, too old, unreadable, incomplete, too little or
//! not signed is inconclusive; only what was shown to be good passes; every answer says when it would change by itself.

use super::{Asks, Limit, Release, ReleaseCriterion, SignatureRule};
use crate::{
    artifact::{self, Attached, Content, FindingSeverity, VexStatus},
    core::World,
    reason::{Blocker, Outcome},
};
use interlock_ids::{Digest, EvidenceId, Name};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What one criterion says of one build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    pub criterion: Name,
    /// The word policies know it by, such as `tests`.
    pub asks: &'static str,
    pub service: Name,
    pub digest: Digest,
    pub outcome: Outcome,
    /// Stable; the code of the blocker.
    pub code: &'static str,
    /// What was found.
    pub found: String,
    /// What was asked for.
    pub wanted: String,
    pub clears: String,
    pub who: String,
    pub evidence: Option<EvidenceId>,
    /// When what it rests on was made.
    pub made: Option<Timestamp>,
    /// When a pass would end by itself: the evidence is too old, or a finding has been open too long.
    pub until: Option<Timestamp>,
    /// What was let pass by somebody's decision: excepted commits, findings that a VEX statement sets aside.
    pub excepted: Vec<String>,
    /// Commits that stand in the way of a code freeze.
    pub late_commits: Vec<String>,
}

impl Judged {
    /// What stands in the way, where it does not pass.
    pub fn blocker(&self) -> Blocker {
        let message =
            format!("criterion `{}` for {}: {}; asked for: {}", self.criterion, self.service, self.found, self.wanted);
        Blocker::new(self.code, message, self.clears.clone(), self.who.clone())
    }
}

/// Every criterion of a release over every build it asks about, in the order in which they are stated.
pub fn judge(world: &World, release: &Release, now: Timestamp) -> Vec<Judged> {
    let mut all = Vec::new();
    for criterion in &release.spec.criteria {
        for item in &release.spec.items {
            if criterion.services.is_empty() || criterion.services.contains(&item.service) {
                let it = One { world, release, criterion, service: &item.service, digest: item.digest, now };
                all.push(it.judge());
            }
        }
    }
    all
}

/// The first moment at which something that passes now would not any more; for being looked at again.
pub(super) fn turns(world: &World, release: &Release, now: Timestamp) -> Option<Timestamp> {
    judge(world, release, now).into_iter().filter_map(|it| it.until).min()
}

struct One<'a> {
    world: &'a World,
    release: &'a Release,
    criterion: &'a ReleaseCriterion,
    service: &'a Name,
    digest: Digest,
    now: Timestamp,
}

/// What a look at the content came to.
struct Seen {
    outcome: Outcome,
    code: &'static str,
    found: String,
    clears: String,
    until: Option<Timestamp>,
    excepted: Vec<String>,
    late_commits: Vec<String>,
}

impl Seen {
    fn new(outcome: Outcome, code: &'static str, found: String, clears: &str) -> Self {
        Self {
            outcome,
            code,
            found,
            clears: clears.into(),
            until: None,
            excepted: Vec::new(),
            late_commits: Vec::new(),
        }
    }

    fn pass(found: String) -> Self {
        Self::new(Outcome::Pass, "", found, "")
    }

    fn fail(found: String, clears: &str) -> Self {
        Self::new(Outcome::Fail, "evidence-against", found, clears)
    }

    fn unclear(code: &'static str, found: String, clears: &str) -> Self {
        Self::new(Outcome::Inconclusive, code, found, clears)
    }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

impl One<'_> {
    fn judge(&self) -> Judged {
        let (seen, attached) = match self.criterion.asks.evidence() {
            None => (self.code_freeze(), None),
            Some((name, fresh_s)) => {
                let attached = self.world.artifact.evidence.newest(&self.digest, name);
                (self.of_evidence(name, fresh_s, attached), attached)
            }
        };
        Judged {
            criterion: self.criterion.name.clone(),
            asks: self.criterion.asks.word(),
            service: self.service.clone(),
            digest: self.digest,
            outcome: seen.outcome,
            code: seen.code,
            found: seen.found,
            wanted: wanted(self.criterion),
            clears: seen.clears,
            who: self.who(),
            evidence: attached.map(|it| it.evidence.id),
            made: attached.map(Attached::made),
            until: seen.until.filter(|_| seen.outcome == Outcome::Pass),
            excepted: seen.excepted,
            late_commits: seen.late_commits,
        }
    }

    fn who(&self) -> String {
        match (&self.criterion.asks, &self.criterion.signature) {
            (Asks::CodeFreeze { .. }, _) => "a release manager who wrote none of it grants exceptions".into(),
            (_, Some(rule)) if !rule.groups.is_empty() => {
                let groups: Vec<&str> = rule.groups.iter().map(Name::as_str).collect();
                format!("whoever builds {}; somebody of group {} signs", self.service, groups.join(", "))
            }
            (_, Some(_)) => format!("whoever builds {}; a named person signs", self.service),
            (_, None) => format!("whoever builds {}", self.service),
        }
    }

    /// Commits made after the freeze, by the later of their two dates, which amending or moving them sets anew.
    fn code_freeze(&self) -> Seen {
        let Asks::CodeFreeze { at } = &self.criterion.asks else { return Seen::pass(String::new()) };
        let source = self.world.artifact.artifact(&self.digest).and_then(|it| it.source.as_ref());
        let Some(source) = source.filter(|it| !it.commits.is_empty()) else {
            let found = "the build is registered without its commits".to_owned();
            return Seen::unclear(
                "evidence-missing",
                found,
                "register the build with the range of commits it was built from",
            );
        };
        let late: Vec<&str> = source
            .commits
            .iter()
            .filter(|it| it.committed.map_or(it.at, |committed| committed.max(it.at)) > *at)
            .map(|it| it.sha.as_str())
            .collect();
        let excepted: BTreeSet<&str> = self
            .release
            .exceptions
            .iter()
            .filter(|it| it.criterion == self.criterion.name)
            .flat_map(|it| it.commits.iter().map(String::as_str))
            .collect();
        let (let_in, standing): (Vec<&str>, Vec<&str>) = late.iter().partition(|sha| excepted.contains(*sha));
        let total = counted(source.commits.len() as u64, "commit", "commits");
        let mut seen = if standing.is_empty() {
            Seen::pass(match let_in.len() {
                0 => format!("none of {total} is younger"),
                n => format!("{} of {total} younger, each excepted", counted(n as u64, "is", "are")),
            })
        } else {
            let shown: Vec<String> = standing.iter().take(10).map(|sha| short(sha)).collect();
            let more = if standing.len() > 10 { format!(" and {} more", standing.len() - 10) } else { String::new() };
            let found = format!(
                "{} after the freeze: {}{more}",
                counted(standing.len() as u64, "commit", "commits"),
                shown.join(", ")
            );
            let clears = "build from before the freeze, or have each of these commits excepted, with a reason";
            Seen::new(Outcome::Fail, "after-code-freeze", found, clears)
        };
        seen.late_commits = standing.iter().map(|sha| (*sha).to_owned()).collect();
        seen.excepted = let_in.iter().map(|sha| format!("commit {}", short(sha))).collect();
        seen
    }

    fn of_evidence(&self, name: &Name, fresh_s: u32, attached: Option<&Attached>) -> Seen {
        let Some(attached) = attached else {
            let found = format!("no evidence `{name}` is attached to {}", short_digest(&self.digest));
            let clears =
                format!("attach it: interlock evidence attach FILE --artifact {} --name {name} --kind …", self.digest);
            return Seen::unclear("evidence-missing", found, &clears);
        };
        let ends = attached.made().checked_add(SignedDuration::from_secs(fresh_s.into())).unwrap_or(Timestamp::MAX);
        let mut seen = self.content(attached);
        // What speaks against it does so however old it is.
        if seen.outcome == Outcome::Pass && self.now >= ends {
            let age = age(attached.made(), self.now);
            let found = format!("evidence `{name}` is {age} old ({})", seen.found);
            return Seen::unclear("evidence-stale", found, "make it anew for this build, and attach it");
        }
        if seen.outcome == Outcome::Pass
            && let Some(rule) = &self.criterion.signature
            && let Err(why) = self.signed(attached, rule)
        {
            let found = format!("{}, and {why}", seen.found);
            let clears = format!(
                "have it signed: interlock evidence sign {} --meaning {}",
                attached.evidence.id,
                rule.meaning.as_str()
            );
            return Seen::unclear("evidence-not-signed", found, &clears);
        }
        seen.until = seen.until.into_iter().chain([ends]).min();
        seen
    }

    fn content(&self, attached: &Attached) -> Seen {
        let other = |wanted: &str| {
            let found = format!("evidence `{}` is of another kind", attached.evidence.name);
            Seen::unclear("evidence-other-kind", found, &format!("attach {wanted} under this name"))
        };
        if let Content::Unreadable { code } = &attached.evidence.content {
            let found = format!("evidence `{}` could not be read ({code})", attached.evidence.name);
            return Seen::unclear(
                "evidence-unreadable",
                found,
                "attach one that can be read; the page of the code says what is wrong",
            );
        }
        match (&self.criterion.asks, &attached.evidence.content) {
            (
                Asks::Tests { at_least, failed_at_most, skipped_at_most, .. },
                Content::Tests { total, passed, failed, skipped },
            ) => {
                let found = format!("{passed} of {total} passed, {failed} failed, {skipped} were skipped");
                if failed > failed_at_most {
                    return Seen::fail(found, "repair what fails, build anew, and attach the report of that build");
                }
                // Skipped ones show nothing.
                if total - skipped < *at_least || *total == 0 {
                    return Seen::unclear("evidence-too-little", found, "run all tests, and attach that report");
                }
                if skipped_at_most.is_some_and(|most| *skipped > most) {
                    return Seen::unclear("evidence-too-little", found, "run what was skipped, and attach that report");
                }
                Seen::pass(found)
            }
            (Asks::Tests { .. }, _) => other("a test report (JUnit XML)"),
            (Asks::Findings { limits, vex, .. }, Content::Findings { complete, .. }) => {
                if !complete {
                    let found = "the scan did not come to its end, or gave no results".to_owned();
                    return Seen::unclear(
                        "evidence-incomplete",
                        found,
                        "repair the scan, and attach what a whole one gives",
                    );
                }
                self.findings(attached, limits, vex.as_ref())
            }
            (Asks::Findings { limits, vex, .. }, Content::Components { .. }) => {
                self.findings(attached, limits, vex.as_ref())
            }
            (Asks::Findings { .. }, _) => {
                other("a scan (SARIF), or a bill of materials with vulnerabilities (CycloneDX)")
            }
            (Asks::Components { at_least, identified_percent, .. }, Content::Components { total, identified, .. }) => {
                let share = if *total == 0 { 0 } else { u64::from(*identified) * 100 / u64::from(*total) };
                let found =
                    format!("{}, {share} % of them identified", counted((*total).into(), "component", "components"));
                if *total < *at_least || *total == 0 || share < u64::from(*identified_percent) {
                    return Seen::unclear(
                        "evidence-too-little",
                        found,
                        "make the bill of materials of the whole build",
                    );
                }
                Seen::pass(found)
            }
            (Asks::Components { .. }, _) => other("a bill of materials (CycloneDX or SPDX)"),
            (Asks::Statement { predicate, keys, .. }, Content::Statement { predicate: given, signed_by }) => {
                if given != predicate {
                    let found = format!("the statement is of kind {given}");
                    return Seen::unclear("evidence-other-kind", found, "attach a statement of the kind asked for");
                }
                let in_force = |key: &&Name| self.world.artifact.keys.get(*key).is_some_and(|it| !it.revoked);
                let counts: Vec<&Name> = signed_by.iter().filter(|key| keys.contains(*key)).filter(in_force).collect();
                match counts.first() {
                    Some(key) => Seen::pass(format!("signed by key {key}")),
                    None => {
                        let found = "it bears no signature of a key that is asked for and in force".to_owned();
                        Seen::unclear(
                            "evidence-not-signed",
                            found,
                            "sign the statement with one of the keys, and attach it",
                        )
                    }
                }
            }
            (Asks::Statement { .. }, _) => other("a signed statement (in-toto in DSSE)"),
            (Asks::CodeFreeze { .. }, _) => other("nothing"),
        }
    }

    /// Vulnerabilities that believed statements set aside. Those statements are about this very digest.
    fn set_aside(&self, vex: Option<&Name>) -> BTreeSet<&str> {
        let attached = vex.and_then(|name| self.world.artifact.evidence.newest(&self.digest, name));
        let Some(Content::Vex { statements }) = attached.map(|it| &it.evidence.content) else { return BTreeSet::new() };
        // Later statements take the place of earlier ones (OpenVEX, "Status").
        let last: BTreeMap<&str, VexStatus> =
            statements.iter().map(|it| (it.vulnerability.as_str(), it.status)).collect();
        let harmless = |status: &VexStatus| matches!(status, VexStatus::NotAffected | VexStatus::Fixed);
        last.into_iter().filter(|(_, status)| harmless(status)).map(|(id, _)| id).collect()
    }

    fn findings(&self, attached: &Attached, limits: &BTreeMap<FindingSeverity, Limit>, vex: Option<&Name>) -> Seen {
        let aside = self.set_aside(vex);
        let open = || attached.evidence.content.findings().iter().filter(|it| !it.set_aside);
        let standing: Vec<_> = open().filter(|it| !aside.contains(it.id.as_str())).collect();
        let excepted =
            open().filter(|it| aside.contains(it.id.as_str())).map(|it| format!("{} by VEX", it.id)).collect();
        let mut over = Vec::new();
        let mut until: Option<Timestamp> = None;
        for (severity, limit) in limits {
            let wait = SignedDuration::from_secs(limit.after_s.into());
            let due =
                |since: Option<Timestamp>| since.unwrap_or(attached.at).checked_add(wait).unwrap_or(Timestamp::MAX);
            let mut all: Vec<(Timestamp, u32, &str)> = standing
                .iter()
                .filter(|it| it.severity == *severity)
                .map(|it| (due(it.since), it.count, it.id.as_str()))
                .collect();
            all.sort_unstable();
            let mut count = 0u64;
            for (due, more, _) in &all {
                count += u64::from(*more);
                if count > limit.at_most.into() {
                    if *due <= self.now {
                        let counting: Vec<_> = all.iter().filter(|it| it.0 <= self.now).collect();
                        let number: u64 = counting.iter().map(|it| u64::from(it.1)).sum();
                        let shown: Vec<&str> = counting.iter().take(5).map(|it| it.2).collect();
                        let more = if counting.len() > 5 { ", …" } else { "" };
                        over.push(format!("{number} {} ({}{more})", word(*severity), shown.join(", ")));
                    } else {
                        until = until.into_iter().chain([*due]).min();
                    }
                    break;
                }
            }
        }
        let by_severity = totals(&standing);
        let mut seen = if !over.is_empty() {
            let clears = "repair them and scan the new build, or state in a VEX document that is believed here why they do no harm";
            Seen::fail(format!("too many findings: {}", over.join("; ")), clears)
        } else if standing.iter().any(|it| it.severity == FindingSeverity::Unknown)
            && !limits.contains_key(&FindingSeverity::Unknown)
        {
            let found = format!("the severity of some findings is not told ({by_severity})");
            Seen::unclear(
                "evidence-severity-unknown",
                found,
                "have the tool tell severities, or set a limit for `unknown`",
            )
        } else {
            Seen::pass(if by_severity.is_empty() { "no findings".into() } else { by_severity })
        };
        seen.until = until;
        seen.excepted = excepted;
        seen
    }

    fn signed(&self, attached: &Attached, rule: &SignatureRule) -> Result<(), String> {
        let people = &self.world.people;
        let named = |it: &&artifact::Signed| {
            let in_group = |account| {
                people.account(account).is_some_and(|it| it.groups.iter().any(|group| rule.groups.contains(group)))
            };
            rule.by.is_empty() && rule.groups.is_empty()
                || rule.by.iter().any(|by| people.same_person(*by, it.by))
                || in_group(it.by)
        };
        let meant: Vec<_> = attached.signatures.iter().filter(|it| it.meaning == rule.meaning).collect();
        if meant.is_empty() {
            return Err(format!("nobody has signed it as {}", rule.meaning.as_str()));
        }
        let by_named: Vec<_> = meant.into_iter().filter(named).collect();
        if by_named.is_empty() {
            return Err("whoever has signed it is none of those asked for".into());
        }
        let independent =
            |it: &&artifact::Signed| !rule.independent || !artifact::wrote(self.world, &self.digest, it.by);
        if by_named.into_iter().any(|it| independent(&it)) {
            Ok(())
        } else {
            Err("whoever has signed it wrote part of the build".into())
        }
    }
}

fn word(severity: FindingSeverity) -> &'static str {
    match severity {
        FindingSeverity::Critical => "critical",
        FindingSeverity::High => "high",
        FindingSeverity::Medium => "medium",
        FindingSeverity::Low => "low",
        FindingSeverity::Info => "info",
        FindingSeverity::Unknown => "unknown",
    }
}

fn totals(findings: &[&artifact::Finding]) -> String {
    let mut by: BTreeMap<FindingSeverity, u64> = BTreeMap::new();
    for finding in findings {
        *by.entry(finding.severity).or_default() += u64::from(finding.count);
    }
    by.into_iter().map(|(severity, count)| format!("{count} {}", word(severity))).collect::<Vec<_>>().join(", ")
}

fn short(sha: &str) -> String {
    sha.chars().take(10).collect()
}

fn short_digest(digest: &Digest) -> String {
    digest.to_string().chars().take(19).collect()
}

/// An age in the largest unit that tells it.
fn age(from: Timestamp, to: Timestamp) -> String {
    length(to.duration_since(from).as_secs().max(0) as u64)
}

fn length(seconds: u64) -> String {
    match seconds {
        0..=119 => counted(seconds, "second", "seconds"),
        120..=7_199 => counted(seconds / 60, "minute", "minutes"),
        7_200..=172_799 => counted(seconds / 3_600, "hour", "hours"),
        _ => counted(seconds / 86_400, "day", "days"),
    }
}

/// What a criterion asks for, in words.
pub fn wanted(it: &ReleaseCriterion) -> String {
    let fresh = |seconds: u32| format!("not older than {}", length(seconds.into()));
    let text = match &it.asks {
        Asks::CodeFreeze { at } => format!("no commit after {at}"),
        Asks::Tests { at_least, failed_at_most, skipped_at_most, fresh_s, .. } => {
            let skipped = skipped_at_most.map(|most| format!(", at most {most} skipped")).unwrap_or_default();
            format!("at least {at_least} run, at most {failed_at_most} failed{skipped}, {}", fresh(*fresh_s))
        }
        Asks::Findings { limits, fresh_s, .. } => {
            let limits = limits.iter().map(|(severity, limit)| {
                let after = if limit.after_s == 0 {
                    String::new()
                } else {
                    format!(" open longer than {}", length(limit.after_s.into()))
                };
                format!("at most {} {}{after}", limit.at_most, word(*severity))
            });
            format!("{}, {}", limits.collect::<Vec<_>>().join(", "), fresh(*fresh_s))
        }
        Asks::Components { at_least, identified_percent, fresh_s, .. } => {
            format!("at least {at_least} components, {identified_percent} % identified, {}", fresh(*fresh_s))
        }
        Asks::Statement { predicate, keys, fresh_s, .. } => {
            let keys: Vec<&str> = keys.iter().map(Name::as_str).collect();
            format!("a statement {predicate} signed by {}, {}", keys.join(" or "), fresh(*fresh_s))
        }
    };
    match &it.signature {
        None => text,
        Some(rule) => {
            let by = if rule.independent { " by somebody who wrote none of it" } else { "" };
            format!("{text}, signed as {}{by}", rule.meaning.as_str())
        }
    }
}
