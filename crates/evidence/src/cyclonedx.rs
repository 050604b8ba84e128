//! CycloneDX 1.2 to 1.7 in JSON (ECMA-424): the components, and the vulnerabilities with what is said about them.

use crate::{
    Content, Fault, NODES, Severity, Status, Summary, Tool,
    fault::shown,
    json::{View, sha256},
    sarif::Groups,
    summary::word,
};

const VERSIONS: [&str; 6] = ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"];

#[derive(Default)]
pub(crate) struct Counted {
    pub total: u32,
    pub identified: u32,
}

pub(crate) fn read(root: View<'_, '_>) -> Result<Summary, Fault> {
    let root = root.object()?;
    match root.get("bomFormat").text_or()? {
        Some("CycloneDX") => {}
        _ => return Err(Fault::new("document-kind", "`bomFormat` is not `CycloneDX`; expected CycloneDX in JSON")),
    }
    let version = root.get("specVersion").text()?;
    if !VERSIONS.contains(&version) {
        let what = format!("it is CycloneDX {}; expected one of {}", shown(version), VERSIONS.join(", "));
        return Err(Fault::new("document-version", what));
    }
    let mut counted = Counted::default();
    count(&root.get("components"), &mut counted)?;
    let metadata = root.get("metadata");
    let mut findings = Groups::default();
    let vulnerabilities = root.get("vulnerabilities");
    for it in vulnerabilities.items_or_none()? {
        let it = it.object()?;
        let id = word(it.get("id").text()?);
        let dates = [it.get("created").moment_or()?, it.get("published").moment_or()?];
        findings.add(id, severity(&it)?, status(&it)?, dates.into_iter().flatten().min())?;
    }
    Ok(Summary {
        tool: tool(&metadata.get("tools"))?,
        made: metadata.get("timestamp").moment_or()?,
        subjects: hashes(&metadata.get("component").get("hashes"))?,
        content: Content::Components {
            total: counted.total,
            identified: counted.identified,
            findings: findings.list(),
        },
    })
}

fn count(list: &View<'_, '_>, counted: &mut Counted) -> Result<(), Fault> {
    for it in list.items_or_none()? {
        let it = it.object()?;
        it.get("name").text()?;
        let known = it.get("purl").text_or()?.is_some()
            || it.get("version").text_or()?.is_some_and(|version| !version.trim().is_empty())
            || it.get("hashes").items_or_none()?.next().is_some();
        counted.total += 1;
        counted.identified += u32::from(known);
        if counted.total as usize > NODES {
            return Err(Fault::new("document-too-many", format!("it has more than {NODES} components")));
        }
        count(&it.get("components"), counted)?;
    }
    Ok(())
}

/// SHA-256 digests among hashes.
fn hashes(list: &View<'_, '_>) -> Result<Vec<[u8; 32]>, Fault> {
    let mut all = Vec::new();
    for hash in list.items_or_none()? {
        if hash.get("alg").text()? == "SHA-256" {
            let content = hash.get("content");
            all.push(sha256(content.text()?).ok_or_else(|| content.wrong("64 hexadecimal digits"))?);
        }
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// Before 1.5 a list of tools, since then an object with components.
fn tool(tools: &View<'_, '_>) -> Result<Option<Tool>, Fault> {
    let components = tools.get("components");
    let list = if components.is_there() { components } else { *tools };
    if !list.is_there() || tools.get("services").is_there() && !components.is_there() {
        return Ok(None);
    }
    let first = list.items()?.next().map(|it| {
        let version = it.get("version").text_or()?.map(word);
        Ok::<_, Fault>(Tool { name: word(it.get("name").text()?), version })
    });
    first.transpose()
}

/// The worst that a rating says.
fn severity(it: &View<'_, '_>) -> Result<Severity, Fault> {
    let ratings = it.get("ratings");
    let mut worst: Option<Severity> = None;
    for rating in ratings.items_or_none()? {
        let named = rating.get("severity");
        let said = match named.text_or()? {
            Some("critical") => Some(Severity::Critical),
            Some("high") => Some(Severity::High),
            Some("medium") => Some(Severity::Medium),
            Some("low") => Some(Severity::Low),
            Some("info" | "none") => Some(Severity::Info),
            Some("unknown") => None,
            Some(_) => return Err(named.wrong("one of critical, high, medium, low, info, none, unknown")),
            None => rating.get("score").number_or()?.map(Severity::of_score),
        };
        worst = worst.into_iter().chain(said).min();
    }
    Ok(worst.unwrap_or(Severity::Unknown))
}

fn status(it: &View<'_, '_>) -> Result<Status, Fault> {
    let analysis = it.get("analysis");
    let state = analysis.get("state");
    match state.text_or()? {
        None | Some("exploitable" | "in_triage") => Ok(Status::Open),
        Some("resolved" | "resolved_with_pedigree" | "false_positive" | "not_affected") => Ok(Status::SetAside),
        Some(_) => Err(state
            .wrong("one of resolved, resolved_with_pedigree, exploitable, in_triage, false_positive, not_affected")),
    }
}
