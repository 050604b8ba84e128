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
    fs::File,
    io::{BufReader, ErrorKind, Read as _},
    path::Path,
};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// A log that another process is writing may be caught half-way; damage stays.
const LOOKS: usize = 3;

/// Refuses a log that lost acknowledged commits.
pub(super) fn check(database: &Path) -> Result<(), StoreError> {
    let path = beside(database, "-wal");
    let mut seen = None;
    for _ in 0..LOOKS {
        match first_lost_frame(&path).map_err(io_failed("reading", &path))? {
            None => return Ok(()),
            found if found == seen => break,
            found => seen = found,
        }
    }
    match seen {
        Some(frame) => Err(StoreError::LogDamaged { path, frame }),
        None => Ok(()),
    }
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
