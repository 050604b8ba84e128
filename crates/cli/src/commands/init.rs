//! `init`: a commented starter, so that an organisation's governance begins in Git: accounts, a service, two environments, a
//! calendar, a pipeline with one program step, and a release to copy.
//! Invariant: nothing that is there is overwritten.

use crate::failure::{Done, Failure};
use std::{
    fs,
    path::{Path, PathBuf},
};

macro_rules! starter {
    ($($name:literal),+ $(,)?) => { &[$(($name, include_str!(concat!("../../assets/starter/", $name)))),+] };
}

const FILES: &[(&str, &str)] = starter!(
    "README.md",
    "10-policies.yaml",
    "20-people.yaml",
    "30-service.yaml",
    "40-environments.yaml",
    "50-calendar.yaml",
    "60-pipeline.yaml",
    "steps/deploy.sh",
    "releases/first.yaml.example",
);

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  interlock init\n  interlock init --to governance/")]
pub struct Args {
    /// Where to
    #[arg(long, value_name = "DIR", default_value = ".interlock")]
    to: PathBuf,
}

pub fn run(args: &Args) -> Done {
    write(&args.to)?;
    let to = args.to.display();
    println!(
        "Wrote {} files to `{to}`. Read `{to}/README.md`, change what is yours, then:\n\n  interlock apply -f {to} --dry-run\n  interlock apply -f {to}",
        FILES.len()
    );
    Ok(())
}

fn write(to: &Path) -> Done {
    let present: Vec<&str> = FILES.iter().map(|(name, _)| *name).filter(|name| to.join(name).exists()).collect();
    if !present.is_empty() {
        return Err(Failure::Failed(format!(
            "`{}` has {} already; nothing was written. Give another --to",
            to.display(),
            present.join(", ")
        )));
    }
    for (name, text) in FILES {
        let path = to.join(name);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(|error| Failure::io("making", directory, &error))?;
        }
        fs::write(&path, text).map_err(|error| Failure::io("writing", &path, &error))?;
        if text.starts_with("#!") {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
                .map_err(|error| Failure::io("making executable", &path, &error))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest;
    use interlock_wire::manifest::Kind;
    use std::collections::BTreeMap;

    #[test]
    fn the_starter_is_written_once_and_every_manifest_is_one() {
        let directory = tempfile::tempdir().unwrap();
        let to = directory.path().join(".interlock");
        write(&to).unwrap();
        let documents = manifest::documents(&manifest::read(&to).unwrap()).unwrap();
        let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
        documents.iter().for_each(|it| *kinds.entry(it.kind()).or_default() += 1);
        let expected = [
            (Kind::PolicyPack, 2),
            (Kind::Account, 4),
            (Kind::Service, 1),
            (Kind::Environment, 2),
            (Kind::Calendar, 1),
            (Kind::Pipeline, 1),
        ];
        assert_eq!(kinds, expected.into_iter().collect());
        assert_eq!(write(&to).unwrap_err().exit_code(), 1, "a second time nothing is overwritten");
        let example = fs::read_to_string(to.join("releases/first.yaml.example")).unwrap();
        assert_eq!(manifest::release(&example).unwrap().metadata.name, "first");
    }
}
