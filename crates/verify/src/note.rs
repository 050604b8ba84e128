//! Signed notes (C2SP signed-note) with Ed25519 keys: how a checkpoint is signed and checked, also by other people's tools.
//!
//! A note is text ending in a newline, a blank line, and signature lines `— name base64(key id ‖ signature)`.
//! Keys are written as the Go `note` package writes them: `name+<key id in hex>+base64(0x01 ‖ public key)`.
//!
//! **Invariant:** a signature counts only if name and key id are those of the key; lines of other keys are skipped, as
//! the format demands.
//! **Deliberately absent:** other algorithms. Witnesses' co-signatures are understood by [`crate::cosign`].

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// The algorithm byte of Ed25519 in key encodings.
const ED25519: u8 = 0x01;
const DASH: &str = "\u{2014} ";
pub(crate) const PRIVATE: &str = "PRIVATE+KEY+";
pub(crate) const FOREIGN_ID: NoteError = NoteError::Key("its id does not belong to its name and bytes");
/// Signature lines that are looked at; the format asks for a limit.
const LINES: usize = 64;

/// Why a note or a key was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("a key name must not be empty, longer than 200 bytes, or contain spaces, control characters or `+`")]
    Name,
    #[error("the key is malformed: {0}")]
    Key(&'static str),
    #[error("the note is malformed: {0}")]
    Malformed(&'static str),
    #[error("the note carries no signature of key `{0}`")]
    Unsigned(String),
    #[error("the signature of key `{0}` does not fit the text")]
    BadSignature(String),
}

/// A private key with its name. Signatures are deterministic (RFC 8032).
pub struct SigningKey {
    name: String,
    key: ed25519_dalek::SigningKey,
}

/// A public key with its name.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    name: String,
    key: ed25519_dalek::VerifyingKey,
}

pub(crate) fn check_name(name: &str) -> Result<(), NoteError> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.len() > 200 || name.contains(bad) { Err(NoteError::Name) } else { Ok(()) }
}

pub(crate) fn key_id(name: &str, algorithm: u8, public: &[u8; 32]) -> [u8; 4] {
    let mut hasher = Sha256::new();
    hasher.update(name.as_bytes());
    hasher.update([b'\n', algorithm]);
    hasher.update(public);
    let digest: [u8; 32] = hasher.finalize().into();
    [digest[0], digest[1], digest[2], digest[3]]
}

/// Name, key id, and the bytes of a public or private key.
pub(crate) type KeyParts<'t> = (&'t str, [u8; 4], Zeroizing<[u8; 32]>);

pub(crate) fn parse_key(text: &str, algorithm: u8) -> Result<KeyParts<'_>, NoteError> {
    let mut parts = text.trim_end_matches('\n').splitn(3, '+');
    let (Some(name), Some(id), Some(data)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(NoteError::Key("it does not have the form `name+id+key`"));
    };
    check_name(name)?;
    let mut key_id = [0u8; 4];
    hex::decode_to_slice(id, &mut key_id).map_err(|_| NoteError::Key("its id is not eight hexadecimal digits"))?;
    let data = Zeroizing::new(BASE64.decode(data).map_err(|_| NoteError::Key("its data is not base64"))?);
    match data.split_first() {
        Some((given, rest)) if *given == algorithm => {
            let bytes = rest.try_into().map_err(|_| NoteError::Key("an Ed25519 key has 32 bytes"))?;
            Ok((name, key_id, Zeroizing::new(bytes)))
        }
        _ if algorithm == ED25519 => Err(NoteError::Key("only Ed25519 keys (algorithm 1) are known")),
        _ => Err(NoteError::Key("only keys of Ed25519 co-signatures (algorithm 4) are known here")),
    }
}

pub(crate) fn secret_text(name: &str, id: [u8; 4], algorithm: u8, seed: &[u8; 32]) -> Zeroizing<String> {
    let mut data = Zeroizing::new(Vec::with_capacity(33));
    data.push(algorithm);
    data.extend_from_slice(seed);
    let encoded = Zeroizing::new(BASE64.encode(&*data));
    Zeroizing::new(format!("{PRIVATE}{name}+{}+{}\n", hex::encode(id), *encoded))
}

/// A signature line with its newline.
pub(crate) fn line(name: &str, data: &[u8]) -> String {
    format!("{DASH}{name} {}\n", BASE64.encode(data))
}

/// Name and bytes of a signature line: four of the key id and at least one more.
///
/// # Errors
/// It is no signature line.
pub(crate) fn read_line(line: &str) -> Result<(&str, Vec<u8>), NoteError> {
    let (name, data) = line
        .strip_prefix(DASH)
        .and_then(|rest| rest.split_once(' '))
        .ok_or(NoteError::Malformed("a signature line is not `— name base64`"))?;
    check_name(name).map_err(|_| NoteError::Malformed("a signature line has no proper name"))?;
    let data = BASE64.decode(data).map_err(|_| NoteError::Malformed("a signature is not base64"))?;
    if data.len() < 5 { Err(NoteError::Malformed("a signature is too short")) } else { Ok((name, data)) }
}

/// The signed text of a note, with its final newline, and its signature lines, without theirs.
///
/// # Errors
/// It has not the form of a note.
pub fn parts(note: &str) -> Result<(&str, Vec<&str>), NoteError> {
    if note.chars().any(|c| c.is_control() && c != '\n') {
        return Err(NoteError::Malformed("it contains control characters"));
    }
    let end = note.rfind("\n\n").ok_or(NoteError::Malformed("no blank line precedes the signatures"))?;
    let (text, lines) = (&note[..=end], &note[end + 2..]);
    let lines = lines.strip_suffix('\n').ok_or(NoteError::Malformed("it does not end in a newline"))?;
    let lines: Vec<&str> = lines.split('\n').take(LINES + 1).collect();
    if lines.len() > LINES { Err(NoteError::Malformed("it has more than 64 signatures")) } else { Ok((text, lines)) }
}

impl SigningKey {
    /// The key made from 32 secret bytes.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<SigningKey, NoteError> {
        check_name(name)?;
        Ok(SigningKey { name: name.into(), key: ed25519_dalek::SigningKey::from_bytes(seed) })
    }

    /// Reads `PRIVATE+KEY+name+id+base64`, the form of [`SigningKey::to_text`].
    pub fn parse(text: &str) -> Result<SigningKey, NoteError> {
        let rest = text.strip_prefix(PRIVATE).ok_or(NoteError::Key("it does not begin with `PRIVATE+KEY+`"))?;
        let (name, id, seed) = parse_key(rest, ED25519)?;
        let key = SigningKey::from_seed(name, &seed)?;
        if id != key.verifying_key().id() {
            return Err(FOREIGN_ID);
        }
        Ok(key)
    }

    /// The secret form, for the key file.
    pub fn to_text(&self) -> Zeroizing<String> {
        let seed = Zeroizing::new(self.key.to_bytes());
        secret_text(&self.name, self.verifying_key().id(), ED25519, &seed)
    }

    /// Its public half.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// The note over `text`, which must end in a newline.
    pub fn sign(&self, text: &str) -> String {
        debug_assert!(text.ends_with('\n'));
        let mut data = Vec::with_capacity(68);
        data.extend_from_slice(&self.verifying_key().id());
        data.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        format!("{text}\n{}", line(&self.name, &data))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("name", &self.name).finish_non_exhaustive()
    }
}

impl VerifyingKey {
    /// Reads `name+id+base64`, the form its `Display` writes.
    pub fn parse(text: &str) -> Result<VerifyingKey, NoteError> {
        let (name, id, bytes) = parse_key(text, ED25519)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes)
            .map_err(|_| NoteError::Key("its bytes are no point of the curve"))?;
        let key = VerifyingKey { name: name.into(), key };
        if id != key.id() {
            return Err(FOREIGN_ID);
        }
        Ok(key)
    }

    /// The name; for a ledger's key, the origin of its checkpoints.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of SHA-256(name ‖ newline ‖ 0x01 ‖ public key).
    pub fn id(&self) -> [u8; 4] {
        key_id(&self.name, ED25519, self.key.as_bytes())
    }

    /// Checks the note; gives its text with the final newline.
    pub fn open<'n>(&self, note: &'n str) -> Result<&'n str, NoteError> {
        let (text, lines) = parts(note)?;
        let mut found = false;
        for line in lines {
            let (name, data) = read_line(line)?;
            if name != self.name || data[..4] != self.id() {
                continue;
            }
            let signature = ed25519_dalek::Signature::from_slice(&data[4..])
                .map_err(|_| NoteError::Malformed("an Ed25519 signature has 64 bytes"))?;
            self.key
                .verify_strict(text.as_bytes(), &signature)
                .map_err(|_| NoteError::BadSignature(self.to_string()))?;
            found = true;
        }
        if found { Ok(text) } else { Err(NoteError::Unsigned(self.to_string())) }
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = [&[ED25519], self.key.as_bytes().as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id()), BASE64.encode(data))
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // The example of golang.org/x/mod/sumdb/note.
    const SECRET: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const TEXT: &str =
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const SIGNATURE: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_published_example_is_reproduced() {
        let key = SigningKey::parse(SECRET).unwrap();
        assert_eq!(key.verifying_key().to_string(), PUBLIC);
        assert_eq!(key.sign(TEXT), format!("{TEXT}\n{SIGNATURE}"));
        assert_eq!(key.to_text().trim_end(), SECRET);
        assert_eq!(VerifyingKey::parse(PUBLIC).unwrap().open(&key.sign(TEXT)), Ok(TEXT));
    }

    fn key(name: &str, seed: u8) -> SigningKey {
        SigningKey::from_seed(name, &[seed; 32]).unwrap()
    }

    #[test]
    fn only_this_key_over_this_text_opens_it() {
        let (ours, public) = (key("ledger", 1), key("ledger", 1).verifying_key());
        let note = ours.sign("a\nb\n");
        assert_eq!(public.open(&note), Ok("a\nb\n"));
        assert!(matches!(public.open(&note.replace("a\nb", "a\nc")), Err(NoteError::BadSignature(_))));
        assert!(matches!(public.open(&key("ledger", 2).sign("a\n")), Err(NoteError::Unsigned(_))));
        assert!(matches!(public.open(&key("other", 1).sign("a\n")), Err(NoteError::Unsigned(_))));
        let cosigned = format!("{note}{}", key("witness", 3).sign("a\nb\n").split_once("\n\n").unwrap().1);
        assert_eq!(public.open(&cosigned), Ok("a\nb\n"));
    }

    #[test]
    fn malformed_notes_and_keys_are_refused() {
        let public = key("ledger", 1).verifying_key();
        let note = key("ledger", 1).sign("a\n");
        for bad in ["", "\n", "a\n", "a\n\n", "a\n\nx\n", note.trim_end(), &note.replace("ledger", ""), "a\r\n\n"] {
            assert!(public.open(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "x", "a+b+c", "a b+00000000+AA==", &PUBLIC.replace("c74f20a3", "c74f20a4"), &PUBLIC[..60]] {
            assert!(VerifyingKey::parse(bad).is_err(), "{bad:?}");
        }
        assert!(SigningKey::parse(PUBLIC).is_err());
        assert!(SigningKey::from_seed("a+b", &[0; 32]).is_err());
    }

    proptest! {
        #[test]
        fn one_changed_byte_never_opens(at in 0usize..200, to in any::<u8>()) {
            let note = key("ledger", 1).sign("origin\n12\nAAAA\n");
            let mut bytes = note.clone().into_bytes();
            let at = at % bytes.len();
            prop_assume!(bytes[at] != to);
            bytes[at] = to;
            if let Ok(changed) = String::from_utf8(bytes) {
                prop_assert!(key("ledger", 1).verifying_key().open(&changed).is_err());
            }
        }

        #[test]
        fn no_input_panics(text in "\\PC*(\n\\PC*){0,5}") {
            let _ = key("ledger", 1).verifying_key().open(&text);
            let _ = VerifyingKey::parse(&text);
            let _ = SigningKey::parse(&format!("{PRIVATE}{text}"));
        }
    }
}
