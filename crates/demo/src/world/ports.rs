//! Free ports, chosen once and remembered.
//!
//! They are taken from below the range operating systems hand out for outgoing connections, so that none of those takes a
//! port between two starts.

use std::net::TcpListener;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::layout::loopback;
use crate::error::{DemoError, Result};

const FIRST: u16 = 18_000;
const LAST: u16 = 31_999;

/// Whether somebody could listen on `port` now.
pub(super) fn is_free(port: u16) -> bool {
    TcpListener::bind(loopback(port)).is_ok()
}

/// `count` free ports. The search begins where the directory's name points, so that two worlds rarely meet.
///
/// # Errors
/// When there are not enough.
pub(super) fn choose(dir: &Path, count: usize) -> Result<Vec<u16>> {
    let digest = Sha256::digest(dir.as_os_str().as_encoded_bytes());
    let span = LAST - FIRST + 1;
    let start = u16::from_be_bytes([digest[0], digest[1]]) % span;
    let candidates = (0..span).map(|step| FIRST + (start + step) % span);
    let ports: Vec<u16> = candidates.filter(|port| is_free(*port)).take(count).collect();
    if ports.len() < count {
        return Err(DemoError::Invalid(format!("fewer than {count} ports are free from {FIRST} to {LAST}")));
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ports_are_distinct_free_and_the_taken_one_is_left_out() {
        let dir = Path::new("/some/world");
        let first = choose(dir, 20).unwrap();
        assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 20);
        let _taken = TcpListener::bind(loopback(first[3])).unwrap();
        let second = choose(dir, 20).unwrap();
        assert!(!second.contains(&first[3]));
    }
}
