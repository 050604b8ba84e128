//! Checkpoints (C2SP tlog-checkpoint): what the ledger signs, and anybody can check.
//!
//! The text is three lines: origin, size in decimal, root in base64. It is signed as a note by the key that bears the
//! origin's name. **Deliberately absent:** time. When a checkpoint was seen is for the one who saw it to say.

use crate::{
    digest::Digest,
    note::{self, NoteError, SigningKey, VerifyingKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

/// A tree head with the signed note that vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Digest,
    /// The signed note, to be handed out and kept byte for byte.
    pub note: String,
}

impl Checkpoint {
    /// Signs the head of a ledger whose origin is the key's name.
    pub fn sign(key: &SigningKey, size: u64, root: Digest) -> Checkpoint {
        let origin = key.verifying_key().name().to_string();
        let note = key.sign(&format!("{origin}\n{size}\n{}\n", BASE64.encode(root.0)));
        Checkpoint { origin, size, root, note }
    }

    /// Checks the signature, and that the note is a checkpoint of the key's own origin.
    ///
    /// # Errors
    /// It is not signed by this key, or says no head of its origin.
    pub fn open(key: &VerifyingKey, note: &str) -> Result<Checkpoint, NoteError> {
        let checkpoint = Self::of(key.open(note)?, note)?;
        if checkpoint.origin != key.name() {
            return Err(NoteError::Malformed("its origin is not the name of its key"));
        }
        Ok(checkpoint)
    }

    /// Reads a checkpoint whoever signed it. Nothing it says is to be believed before [`Checkpoint::open`].
    ///
    /// # Errors
    /// It has not the form of a checkpoint.
    pub fn unchecked(note: &str) -> Result<Checkpoint, NoteError> {
        Self::of(note::parts(note)?.0, note)
    }

    fn of(text: &str, note: &str) -> Result<Checkpoint, NoteError> {
        // Further lines are extensions, which the format allows and we never write.
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(NoteError::Malformed("a checkpoint has three lines"));
        };
        if origin.is_empty() {
            return Err(NoteError::Malformed("it names no origin"));
        }
        let size = decimal(size).ok_or(NoteError::Malformed("its size is not a plain decimal number"))?;
        let root = BASE64
            .decode(root)
            .ok()
            .and_then(|bytes| Digest::from_slice(&bytes))
            .ok_or(NoteError::Malformed("its root is not the base64 of 32 bytes"))?;
        Ok(Checkpoint { origin: origin.into(), size, root, note: note.into() })
    }

    /// The three lines that are signed, and co-signed.
    pub fn text(&self) -> &str {
        self.note.rfind("\n\n").map_or(self.note.as_str(), |end| &self.note[..=end])
    }
}

/// A number as C2SP writes it: decimal digits, no sign, no leading zero.
pub fn decimal(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_seed("interlock.example/ledger", &[7; 32]).unwrap()
    }

    #[test]
    fn has_the_form_of_c2sp_tlog_checkpoint() {
        let checkpoint = Checkpoint::sign(&key(), 8, Digest::of(b"root"));
        let lines: Vec<&str> = checkpoint.note.split('\n').collect();
        assert_eq!(lines[0], "interlock.example/ledger");
        assert_eq!(lines[1], "8");
        assert_eq!(lines[2], BASE64.encode(Digest::of(b"root").0));
        assert_eq!(lines[3], "");
        assert!(lines[4].starts_with("\u{2014} interlock.example/ledger "));
        assert_eq!(lines[5..], [""]);
        assert_eq!(Checkpoint::open(&key().verifying_key(), &checkpoint.note), Ok(checkpoint));
    }

    #[test]
    fn signed_nonsense_is_still_nonsense() {
        let root = BASE64.encode([0; 32]);
        let public = key().verifying_key();
        let open = |text: &str| Checkpoint::open(&public, &key().sign(text));
        assert!(open(&format!("interlock.example/ledger\n3\n{root}\nextension\n")).is_ok());
        for bad in [
            "interlock.example/ledger\n".to_string(),
            "interlock.example/ledger\n3\n".into(),
            format!("other\n3\n{root}\n"),
            format!("interlock.example/ledger\n03\n{root}\n"),
            format!("interlock.example/ledger\n+3\n{root}\n"),
            format!("interlock.example/ledger\n-3\n{root}\n"),
            format!("interlock.example/ledger\n18446744073709551616\n{root}\n"),
            "interlock.example/ledger\n3\nAAAA\n".into(),
            "interlock.example/ledger\n3\n!\n".into(),
        ] {
            assert!(open(&bad).is_err(), "{bad:?}");
        }
    }
}
