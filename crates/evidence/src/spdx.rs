//! SPDX 2.2 and 2.3 in JSON: the packages, and the digests of those the document describes.

use crate::{
    Content, Fault, Summary, Tool,
    cyclonedx::Counted,
    fault::shown,
    json::{View, sha256},
    summary::word,
};
use std::collections::BTreeSet;

pub(crate) fn read(root: View<'_, '_>) -> Result<Summary, Fault> {
    let root = root.object()?;
    let Some(version) = root.get("spdxVersion").text_or()? else {
        if root.get("@graph").is_there() {
            let what = "it is SPDX 3; expected SPDX-2.2 or SPDX-2.3 in JSON";
            return Err(Fault::new("document-version", what));
        }
        return Err(Fault::new("document-kind", "it has no `spdxVersion`; expected SPDX in JSON"));
    };
    if !matches!(version, "SPDX-2.2" | "SPDX-2.3") {
        let what = format!("it is {}; expected SPDX-2.2 or SPDX-2.3", shown(version));
        return Err(Fault::new("document-version", what));
    }
    let described = described(&root)?;
    let mut counted = Counted::default();
    let mut subjects = BTreeSet::new();
    let packages = root.get("packages");
    for it in packages.items()? {
        let it = it.object()?;
        it.get("name").text()?;
        let id = it.get("SPDXID").text()?;
        let own = checksums(&it)?;
        let references = it.get("externalRefs");
        let mut addressed = false;
        for reference in references.items_or_none()? {
            addressed |=
                matches!(reference.get("referenceType").text()?, "purl" | "cpe22Type" | "cpe23Type" | "swh" | "gitoid");
        }
        let versioned =
            it.get("versionInfo").text_or()?.is_some_and(|it| !matches!(it.trim(), "" | "NOASSERTION" | "NONE"));
        counted.total += 1;
        counted.identified += u32::from(addressed || versioned || !own.is_empty());
        if described.contains(id) {
            subjects.extend(own);
        }
    }
    let creation = root.get("creationInfo");
    Ok(Summary {
        tool: tool(&creation)?,
        made: creation.get("created").moment_or()?,
        subjects: subjects.into_iter().collect(),
        content: Content::Components { total: counted.total, identified: counted.identified, findings: Vec::new() },
    })
}

/// Identifiers of what the document describes, by either of the two ways of saying so (2.3, sections 6.10 and 11.1).
fn described<'d>(root: &View<'d, '_>) -> Result<BTreeSet<&'d str>, Fault> {
    let mut all = BTreeSet::new();
    let listed = root.get("documentDescribes");
    for it in listed.items_or_none()? {
        all.insert(it.text()?);
    }
    let relationships = root.get("relationships");
    for it in relationships.items_or_none()? {
        let (from, to) = (it.get("spdxElementId").text()?, it.get("relatedSpdxElement").text()?);
        match it.get("relationshipType").text()? {
            "DESCRIBES" if from == "SPDXRef-DOCUMENT" => drop(all.insert(to)),
            "DESCRIBED_BY" if to == "SPDXRef-DOCUMENT" => drop(all.insert(from)),
            _ => {}
        }
    }
    Ok(all)
}

fn checksums(it: &View<'_, '_>) -> Result<Vec<[u8; 32]>, Fault> {
    let list = it.get("checksums");
    let mut all = Vec::new();
    for checksum in list.items_or_none()? {
        let value = checksum.get("checksumValue");
        let text = value.text()?;
        if checksum.get("algorithm").text()? == "SHA256" {
            all.push(sha256(text).ok_or_else(|| value.wrong("64 hexadecimal digits"))?);
        }
    }
    Ok(all)
}

/// `Tool: name-version`.
fn tool(creation: &View<'_, '_>) -> Result<Option<Tool>, Fault> {
    let creators = creation.get("creators");
    for creator in creators.items_or_none()? {
        if let Some(named) = creator.text()?.strip_prefix("Tool:") {
            return Ok(Some(Tool { name: word(named.trim()), version: None }));
        }
    }
    Ok(None)
}
