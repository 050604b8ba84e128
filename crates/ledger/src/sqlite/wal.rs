//! Looks at a write-ahead log left by a crash before SQLite does.
//!
//! SQLite ends a log at the first frame that does not check, and drops what follows without a word. After a power cut
//! that is right for the last, unacknowledged transaction. But a commit is synchronised before the next one is begun, so
//! whole commits beyond a broken frame were acknowledged once: losing them silently is not an option.
//!
//! Format: sqlite.org/fileformat2.html, section 4. **Deliberately absent:** a verdict on the last transaction in the
//! log; whether it was cut short or changed afterwards cannot be told from the file.

use super::{keys::beside, schema::io_failed};
use crate::error::StoreError;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, ErrorKind, Read as _, Seek as _, SeekFrom},
    path::Path,
};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// Pages compared under a broken header, at most; with more, the answer is that they may be lost.
const COMPARED: usize = 32_768;
/// A log that another process is writing may be caught half-way; damage stays.
const LOOKS: usize = 3;

/// Refuses a log that lost acknowledged commits.
pub(super) fn check(database: &Path) -> Result<(), StoreError> {
    let path = beside(database, "-wal");
    let mut seen = None;
    for _ in 0..LOOKS {
        match first_lost_frame(&path).map_err(io_failed("reading", &path))? {
            None => return Ok(()),
            Some(0) if all_moved(database, &path).map_err(io_failed("reading", &path))? => return Ok(()),
            found if found == seen => break,
            found => seen = found,
        }
    }
    match seen {
        Some(frame) => Err(StoreError::LogDamaged { path, frame }),
        None => Ok(()),
    }
}

/// Whether all that a log under a broken header holds is in the database already. The header is written anew where the log starts
/// over, which it does only when everything in it was moved; a crash in that very write leaves old frames under half a header,
/// and loses nothing. Each page is compared as the newest frame has it, commits or not: one that differs may be lost.
fn all_moved(database: &Path, log: &Path) -> std::io::Result<bool> {
    let mut file = BufReader::with_capacity(1 << 16, File::open(log)?);
    let mut base = File::open(database)?;
    let mut start = [0u8; 18];
    base.read_exact(&mut start)?;
    let page = match usize::from(u16::from_be_bytes([start[16], start[17]])) {
        1 => 65_536,
        size => size,
    };
    if !page.is_power_of_two() || page < 512 {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(HEADER as u64))?;
    let mut newest: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    let mut frame = vec![0u8; FRAME_HEADER + page];
    let mut salt: Option<[u8; 8]> = None;
    loop {
        match file.read_exact(&mut frame) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
        // Frames of an older log follow those of the newest.
        let found: [u8; 8] = frame[8..16].try_into().unwrap_or_default();
        if *salt.get_or_insert(found) != found {
            break;
        }
        newest.insert(word(&frame, 0), frame[FRAME_HEADER..].to_vec());
        if newest.len() > COMPARED {
            return Ok(false);
        }
    }
    let mut stored = vec![0u8; page];
    for (number, wanted) in newest {
        let Some(before) = number.checked_sub(1) else { return Ok(false) };
        base.seek(SeekFrom::Start(u64::from(before) * page as u64))?;
        match base.read_exact(&mut stored) {
            Ok(()) if stored == wanted => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// SQLite's running checksum over pairs of 32-bit words, in the byte order that the header names.
fn checksum(mut sum: (u32, u32), bytes: &[u8], big_endian: bool) -> (u32, u32) {
    for pair in bytes.chunks_exact(8) {
        let read = |b: &[u8]| {
            let b = [b[0], b[1], b[2], b[3]];
            if big_endian { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) }
        };
        sum.0 = sum.0.wrapping_add(read(&pair[..4])).wrapping_add(sum.1);
        sum.1 = sum.1.wrapping_add(read(&pair[4..])).wrapping_add(sum.0);
    }
    sum
}

/// The number of the broken frame after which a commit is followed by more of the same log; zero for the header.
fn first_lost_frame(path: &Path) -> std::io::Result<Option<u64>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    let mut file = BufReader::with_capacity(1 << 16, file);
    let mut header = [0u8; HEADER];
    if length <= HEADER as u64 {
        return Ok(None);
    }
    file.read_exact(&mut header)?;
    let big_endian = word(&header, 0) & 1 == 1;
    let mut sum = checksum((0, 0), &header[..24], big_endian);
    let page = word(&header, 8) as usize;
    let sound = word(&header, 0) & !1 == 0x377f_0682
        && page.is_power_of_two()
        && (512..=65_536).contains(&page)
        && sum == (word(&header, 24), word(&header, 28));
    if !sound {
        // The header is synchronised before the first frame, so frames under a broken one were committed.
        return Ok(Some(0));
    }
    let salt = &header[16..24];
    let mut frame = vec![0u8; FRAME_HEADER + page];
    let mut broken: Option<u64> = None;
    let mut commit_lost = false;
    for number in 1.. {
        match file.read_exact(&mut frame) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let same_log = &frame[8..16] == salt;
        if broken.is_none() {
            let next = checksum(checksum(sum, &frame[..8], big_endian), &frame[FRAME_HEADER..], big_endian);
            if same_log && next == (word(&frame, 16), word(&frame, 20)) {
                sum = next;
                continue;
            }
            broken = Some(number);
        } else if same_log && commit_lost {
            return Ok(broken);
        }
        commit_lost |= word(&frame, 4) != 0;
    }
    Ok(None)
}
