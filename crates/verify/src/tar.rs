//! A tar archive in one spelling only (POSIX.1-1988 ustar): regular files of mode 0644, owner 0, time 0, in a given order.
//!
//! **Invariant:** [`read`] takes exactly what [`write()`] makes. It reads names and sizes, makes the header anew and compares, so that
//! no byte of an archive is without meaning and a changed one is named with the file it belongs to.
//! **Deliberately absent:** everything else tar can do.

/// Bytes of a block.
const BLOCK: usize = 512;
/// Bytes of one file at most.
pub const FILE_BYTES: usize = 1 << 30;

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Relative, with `/`, without `.` and `..`.
    pub path: String,
    pub bytes: Vec<u8>,
}

/// Why an archive was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}, {file}: {what}")]
pub struct TarError {
    /// Offset in the archive.
    pub at: usize,
    /// The file whose header or content it concerns, as far as its name can be told.
    pub file: String,
    pub what: &'static str,
}

fn sound(path: &str) -> bool {
    let part = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
    };
    path.split('/').all(part)
}

/// The two fields of a name: at most 100 bytes, and at most 155 bytes before them.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= 100 {
        return Some(("", path));
    }
    let cut = path.len() - path[path.len() - 101..].find('/').map(|at| 101 - at)?;
    (cut <= 155).then(|| (&path[..cut], &path[cut + 1..]))
}

fn header(path: &str, size: usize) -> Option<[u8; BLOCK]> {
    let (prefix, name) = split(path).filter(|_| sound(path) && size <= FILE_BYTES)?;
    let mut block = [0u8; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    put(345, prefix.as_bytes());
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Some(block)
}

/// The archive of these files, in this order.
///
/// # Errors
/// The path of a file that no archive can hold: letters, digits, `.`, `-`, `_` and `/`, at most 100 bytes after the last cut; or a
/// file above [`FILE_BYTES`].
pub fn write(files: &[File]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(files.iter().map(|it| it.bytes.len() + 2 * BLOCK).sum::<usize>() + 2 * BLOCK);
    for File { path, bytes } in files {
        out.extend_from_slice(&header(path, bytes.len()).ok_or_else(|| path.clone())?);
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    Ok(out)
}

fn text(field: &[u8]) -> Option<&str> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    std::str::from_utf8(&field[..end]).ok()
}

/// Reads an archive.
///
/// # Errors
/// The first byte that [`write()`] would not have written, and the file it is in.
pub fn read(archive: &[u8]) -> Result<Vec<File>, TarError> {
    let mut files: Vec<File> = Vec::new();
    let mut at = 0;
    loop {
        let after = files.last().map_or("the beginning".to_owned(), |it| format!("after {}", it.path));
        let wrong = |at: usize, file: &str, what| TarError { at, file: file.to_owned(), what };
        let block =
            archive.get(at..at + BLOCK).ok_or(wrong(archive.len(), &after, "the archive ends in the middle"))?;
        if block.iter().all(|byte| *byte == 0) {
            let rest = &archive[at..];
            let first = rest.iter().position(|byte| *byte != 0).unwrap_or(2 * BLOCK);
            return if rest.len() == 2 * BLOCK && first == 2 * BLOCK {
                Ok(files)
            } else if rest.len() < 2 * BLOCK {
                Err(wrong(archive.len(), &after, "the archive ends in the middle"))
            } else {
                Err(wrong(at + first, &after, "something follows the end of the archive"))
            };
        }
        let names = text(&block[345..500]).zip(text(&block[..100]));
        let path = match names {
            Some(("", name)) => name.to_owned(),
            Some((prefix, name)) => format!("{prefix}/{name}"),
            None => return Err(wrong(at, &after, "a name that is not text")),
        };
        let size = text(&block[124..136]).and_then(|it| usize::from_str_radix(it, 8).ok());
        let wanted = size.and_then(|size| header(&path, size));
        let Some((size, wanted)) = size.zip(wanted) else {
            return Err(wrong(at, &after, "a header with a name or a size that no archive of ours has"));
        };
        if let Some(off) = (0..BLOCK).find(|off| block[*off] != wanted[*off]) {
            return Err(wrong(at + off, &path, "its header was changed"));
        }
        let start = at + BLOCK;
        let end = (start + size).next_multiple_of(BLOCK);
        let whole = archive.get(start..end).ok_or(wrong(archive.len(), &path, "the archive ends in the middle"))?;
        let (bytes, filling) = whole.split_at(size);
        if let Some(off) = filling.iter().position(|byte| *byte != 0) {
            return Err(wrong(start + size + off, &path, "something stands in the filling behind it"));
        }
        files.push(File { path, bytes: bytes.to_vec() });
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(path: &str, bytes: &[u8]) -> File {
        File { path: path.into(), bytes: bytes.into() }
    }

    #[test]
    fn what_is_written_is_read_again_and_other_names_are_refused() {
        let long = format!("{}/{}/x", "a".repeat(70), "b".repeat(60));
        let files = vec![file("a", b""), file("b/c.txt", &[7; 513]), file(&long, b"x")];
        assert_eq!(read(&write(&files).unwrap()).unwrap(), files);
        assert_eq!(read(&write(&[]).unwrap()).unwrap(), []);
        for bad in ["", "/a", "a//b", "../a", "a/./b", "a b", "ü", &"a".repeat(101), &format!("{}/b", "a".repeat(156))]
        {
            assert!(write(&[file(bad, b"")]).is_err(), "{bad}");
        }
    }

    #[test]
    fn another_implementation_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("a.tar");
        std::fs::write(&archive, write(&[file("d/e.txt", b"hello\n"), file("f", b"x")]).unwrap()).unwrap();
        let Ok(out) = std::process::Command::new("tar").arg("-xvf").arg(&archive).arg("-C").arg(folder.path()).output()
        else {
            eprintln!("left out: there is no `tar` on this machine");
            return;
        };
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        assert_eq!(std::fs::read(folder.path().join("d/e.txt")).unwrap(), b"hello\n");
    }

    proptest! {
        #[test]
        fn every_changed_byte_outside_of_content_is_named(at in 0usize..3072, to in any::<u8>()) {
            let files = [file("a", b"aaa"), file("b", b"bbbb")];
            let mut archive = write(&files).unwrap();
            prop_assume!(archive[at] != to);
            archive[at] = to;
            let content = (512..515).contains(&at) || (1536..1540).contains(&at);
            match read(&archive) {
                Ok(found) => prop_assert!(content && found != files),
                Err(_) => prop_assert!(!content),
            }
        }

        #[test]
        fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = read(&bytes);
        }
    }
}
