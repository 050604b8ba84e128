//! Writes a golden file for every kind of event that has none, and lists it. Never touches a file that is there: what it holds
//! may be in somebody's ledger.

use interlock_testkit::{golden, sample};
use sha2::{Digest, Sha256};
use std::{fmt::Write, fs, io};

fn main() -> io::Result<()> {
    let folder = golden::folder().join("events");
    fs::create_dir_all(&folder)?;
    let sums_path = folder.join("SHA256SUMS");
    let mut sums = fs::read_to_string(&sums_path).unwrap_or_default();
    let mut written = 0;
    for record in sample::samples() {
        let name = golden::file_of(record.event.kind(), record.v);
        let path = folder.join(&name);
        if path.exists() || sums.lines().any(|line| line.ends_with(&format!("  {name}"))) {
            continue;
        }
        let bytes = record.encode();
        fs::write(&path, &bytes)?;
        writeln!(sums, "{}  {name}", hex::encode(Sha256::digest(&bytes))).map_err(io::Error::other)?;
        println!("wrote golden/events/{name}");
        written += 1;
    }
    fs::write(&sums_path, sums)?;
    list_histories()?;
    println!("{written} written");
    Ok(())
}

/// Lists histories that are not listed yet. They are written by the version whose name they bear.
fn list_histories() -> io::Result<()> {
    let folder = golden::folder().join("histories");
    let sums_path = folder.join("SHA256SUMS");
    let mut sums = fs::read_to_string(&sums_path).unwrap_or_default();
    let mut files: Vec<_> = fs::read_dir(&folder)?.map(|it| it.map(|it| it.path())).collect::<io::Result<_>>()?;
    files.sort();
    for path in files {
        let name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        let golden = name.ends_with(".json") || name.ends_with(".jsonl");
        if golden && !sums.lines().any(|line| line.ends_with(&format!("  {name}"))) {
            writeln!(sums, "{}  {name}", hex::encode(Sha256::digest(fs::read(&path)?))).map_err(io::Error::other)?;
            println!("listed golden/histories/{name}");
        }
    }
    fs::write(&sums_path, sums)
}
