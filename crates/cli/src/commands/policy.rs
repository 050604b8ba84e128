//! `policy`: the set in force; check and install packs from folders of Cedar files.

use super::tell;
use crate::{
    context::Global,
    failure::{Done, Failure},
    render::{show, table::table},
};
use interlock_wire::{
    policy::{InstallPolicies, Pack, PolicyCheck, PolicySet},
    reason::Receipt,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Packs that belong together.
#[derive(Debug, clap::Args)]
pub struct Packs {
    /// A folder of *.cedar files, named as the pack; may be given more than once
    folder: Vec<PathBuf>,
    /// A pack that comes with the server; may be given more than once
    #[arg(long, value_name = "NAME")]
    shipped: Vec<String>,
}

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Show the policies in force
    #[command(after_help = "Example:\n  interlock policy show\n  interlock policy show base.deploy")]
    Show {
        /// Id of a policy, to see its text
        policy: Option<String>,
    },
    /// Say what is wrong with packs, and change nothing
    #[command(after_help = "Example:\n  interlock policy check policies/ours --shipped base")]
    Check(Packs),
    /// Put packs in force in place of those before
    #[command(after_help = "Example:\n  interlock policy install policies/ours --shipped base --shipped segregation")]
    Install(Packs),
}

pub async fn run(verb: Verb, global: &Global) -> Done {
    let client = global.client()?;
    match verb {
        Verb::Show { policy } => {
            let set: PolicySet = client.get("/policies").await?;
            match policy {
                None => show(global.output, &set, told),
                Some(id) => {
                    let found = set.policies.iter().find(|it| it.id == id).ok_or_else(|| {
                        Failure::Failed(format!("no policy `{id}` is in force; `interlock policy show` lists them"))
                    })?;
                    show(global.output, found, |it| it.text.clone())
                }
            }
        }
        Verb::Check(packs) => {
            let body = gather(&client, packs).await?;
            let check: PolicyCheck = client.post("/policies/check", &body).await?;
            show(global.output, &check, checked)?;
            if check.ok { Ok(()) } else { Err(Failure::Failed("the packs cannot be installed".into())) }
        }
        Verb::Install(packs) => {
            let body = gather(&client, packs).await?;
            let done: Receipt = client.put("/policies", &body).await?;
            tell(global, &done).await
        }
    }
}

async fn gather(client: &crate::client::Client, packs: Packs) -> Done<InstallPolicies> {
    let mut all = Vec::new();
    if !packs.shipped.is_empty() {
        let set: PolicySet = client.get("/policies").await?;
        for name in &packs.shipped {
            let known = set.shipped.iter().find(|it| it.name == *name);
            all.push(known.cloned().ok_or_else(|| Failure::Usage(format!("no pack `{name}` comes with the server")))?);
        }
    }
    for folder in &packs.folder {
        all.push(read(folder)?);
    }
    if all.is_empty() {
        return Err(Failure::Usage("name at least one folder, or a shipped pack with --shipped".into()));
    }
    Ok(InstallPolicies { packs: all })
}

fn read(folder: &Path) -> Done<Pack> {
    let failed = |error| Failure::io("reading", folder, &error);
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|it| it == "cedar") {
            let name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
            files.insert(name, fs::read_to_string(&path).map_err(|error| Failure::io("reading", &path, &error))?);
        }
    }
    // `.` and `..` have no name of their own.
    let real = fs::canonicalize(folder).map_err(failed)?;
    let name = real.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    let version =
        fs::read_to_string(folder.join("VERSION")).map_or_else(|_| "1".to_owned(), |text| text.trim().to_owned());
    Ok(Pack { name, version, files })
}

fn told(it: &PolicySet) -> String {
    let rows: Vec<Vec<String>> = it
        .policies
        .iter()
        .map(|it| {
            vec![it.id.clone(), it.effect.clone(), it.title.clone(), it.control.clone().unwrap_or_else(|| "-".into())]
        })
        .collect();
    let digest = it.digest.as_deref().unwrap_or("none: nothing is allowed");
    format!("In force: {digest}\n\n{}", table(&["policy", "effect", "what", "control"], &rows))
}

fn checked(it: &PolicyCheck) -> String {
    let mut lines = vec![format!("{}: {} policies", if it.ok { "sound" } else { "NOT sound" }, it.policies)];
    lines.extend(
        it.findings.iter().map(|it| {
            format!("  - {} {}/{}:{}: {}\n      {}", it.code, it.pack, it.file, it.line, it.message, it.remedy)
        }),
    );
    lines.join("\n")
}
