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
    println!("{written} written");
    Ok(())
}
