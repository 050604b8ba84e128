//! Co-signatures of witnesses (C2SP tlog-cosignature, `cosignature/v1` with Ed25519): what a witness signs, and how it is checked.
//!
//! A witness says by it: at this time this was the largest tree I have seen of this log, and it continues every one I saw before.
//! Its key is written like that of a note, with 0x04 for the algorithm: `name+<key id in hex>+base64(0x04 ‖ public key)`.
//!
//! **Invariant:** a line counts only if name and key id are those of the key. **Deliberately absent:** ML-DSA-44, which nothing we
//! depend on implements; its lines are skipped like those of any other key.

use crate::{
    checkpoint::decimal,
    digest::Digest,
    note::{self, NoteError},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ed25519_dalek::Signer as _;
use std::fmt;
use zeroize::Zeroizing;

/// The algorithm byte of an Ed25519 co-signature in key encodings.
pub(crate) const COSIGNATURE: u8 = 0x04;

/// A proof as C2SP writes it: a hash a line, in base64.
pub fn proof_lines(proof: &[Digest]) -> String {
    proof.iter().map(|hash| format!("{}\n", BASE64.encode(hash.0))).collect()
}

/// What is asked of a witness (C2SP tlog-witness): the size it has signed, the proof from there, the checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'t> {
    pub old: u64,
    pub proof: Vec<Digest>,
    pub checkpoint: &'t str,
}

impl<'t> Request<'t> {
    /// Reads the body of `add-checkpoint`; `None` if it has not that form.
    pub fn parse(body: &'t str) -> Option<Self> {
        let (head, checkpoint) = body.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let old = decimal(lines.next()?.strip_prefix("old ")?)?;
        let proof = lines.map(|line| Digest::from_slice(&BASE64.decode(line).ok()?)).collect::<Option<Vec<_>>>()?;
        (proof.len() <= 63).then_some(Self { old, proof, checkpoint })
    }
}

/// The public key of a witness, with its name.
#[derive(Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    key: ed25519_dalek::VerifyingKey,
}

/// The private key of a witness, with its name.
pub struct WitnessSigner {
    name: String,
    key: ed25519_dalek::SigningKey,
}

fn message(text: &str, timestamp: u64) -> String {
    format!("cosignature/v1\ntime {timestamp}\n{text}")
}

impl WitnessSigner {
    /// The key made from 32 secret bytes.
    ///
    /// # Errors
    /// The name is no name of a key.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        note::check_name(name)?;
        Ok(Self { name: name.into(), key: ed25519_dalek::SigningKey::from_bytes(seed) })
    }

    /// Reads `PRIVATE+KEY+name+id+base64(0x04 ‖ seed)`, the form of [`WitnessSigner::to_text`].
    ///
    /// # Errors
    /// It has not that form, or its id does not belong to it.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let rest = text.strip_prefix(note::PRIVATE).ok_or(NoteError::Key("it does not begin with `PRIVATE+KEY+`"))?;
        let (name, id, seed) = note::parse_key(rest, COSIGNATURE)?;
        let key = Self::from_seed(name, &seed)?;
        if id == key.public().id() { Ok(key) } else { Err(note::FOREIGN_ID) }
    }

    /// The secret form, for the key file.
    pub fn to_text(&self) -> Zeroizing<String> {
        let seed = Zeroizing::new(self.key.to_bytes());
        note::secret_text(&self.name, self.public().id(), COSIGNATURE, &seed)
    }

    /// Its public half.
    pub fn public(&self) -> WitnessKey {
        WitnessKey { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// The signature line, with its newline, over the signed text of a checkpoint. `timestamp`: seconds since the epoch.
    pub fn cosign(&self, text: &str, timestamp: u64) -> String {
        let mut data = Vec::with_capacity(76);
        data.extend_from_slice(&self.public().id());
        data.extend_from_slice(&timestamp.to_be_bytes());
        data.extend_from_slice(&self.key.sign(message(text, timestamp).as_bytes()).to_bytes());
        note::line(&self.name, &data)
    }
}

impl fmt::Debug for WitnessSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WitnessSigner").field("name", &self.name).finish_non_exhaustive()
    }
}

impl WitnessKey {
    /// Reads `name+id+base64`, the form its `Display` writes.
    ///
    /// # Errors
    /// It has not that form, or its id does not belong to it.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, id, bytes) = note::parse_key(text, COSIGNATURE)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes)
            .map_err(|_| NoteError::Key("its bytes are no point of the curve"))?;
        let key = Self { name: name.into(), key };
        if id == key.id() { Ok(key) } else { Err(note::FOREIGN_ID) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of SHA-256(name ‖ newline ‖ 0x04 ‖ public key).
    pub fn id(&self) -> [u8; 4] {
        note::key_id(&self.name, COSIGNATURE, self.key.as_bytes())
    }

    /// When this witness signed the note, in seconds since the epoch; `None` if it did not.
    ///
    /// # Errors
    /// The note is malformed, or carries a line of this key that does not fit its text.
    pub fn signed(&self, note: &str) -> Result<Option<u64>, NoteError> {
        let (text, lines) = note::parts(note)?;
        let mut found = None;
        for line in lines {
            let (name, data) = note::read_line(line)?;
            if name != self.name || data[..4] != self.id() {
                continue;
            }
            let (time, signature) = data[4..]
                .split_first_chunk::<8>()
                .ok_or(NoteError::Malformed("a co-signature has a time and 64 bytes"))?;
            let time = u64::from_be_bytes(*time);
            let signature = ed25519_dalek::Signature::from_slice(signature)
                .map_err(|_| NoteError::Malformed("a co-signature has a time and 64 bytes"))?;
            if time > i64::MAX as u64 {
                return Err(NoteError::Malformed("the time of a co-signature lies beyond all clocks"));
            }
            self.key
                .verify_strict(message(text, time).as_bytes(), &signature)
                .map_err(|_| NoteError::BadSignature(self.to_string()))?;
            found = found.max(Some(time));
        }
        Ok(found)
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = [&[COSIGNATURE], self.key.as_bytes().as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id()), BASE64.encode(data))
    }
}

impl fmt::Debug for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Checkpoint, Digest, SigningKey};

    fn note() -> String {
        Checkpoint::sign(&SigningKey::from_seed("log", &[1; 32]).unwrap(), 3, Digest::of(b"root")).note
    }

    #[test]
    fn only_this_witness_over_this_text_counts() {
        let witness = WitnessSigner::from_seed("witness.example/w1", &[2; 32]).unwrap();
        let key = witness.public();
        let note = note();
        assert_eq!(key.signed(&note), Ok(None));
        let (text, _) = note::parts(&note).unwrap();
        let cosigned = format!("{note}{}", witness.cosign(text, 1_679_315_147));
        assert_eq!(key.signed(&cosigned), Ok(Some(1_679_315_147)));
        let log = SigningKey::from_seed("log", &[1; 32]).unwrap().verifying_key();
        assert_eq!(log.open(&cosigned), Ok(text), "the log's own signature still opens it");
        assert!(matches!(key.signed(&cosigned.replace("\n3\n", "\n4\n")), Err(NoteError::BadSignature(_))));
        let other = WitnessSigner::from_seed("witness.example/w1", &[3; 32]).unwrap();
        assert_eq!(other.public().signed(&cosigned), Ok(None));
        // A signature of the same key over the bare text is no co-signature.
        let bare = SigningKey::from_seed("witness.example/w1", &[2; 32]).unwrap().sign(text);
        assert_eq!(key.signed(&bare), Ok(None));
    }

    #[test]
    fn keys_are_read_again_and_told_from_those_of_logs() {
        let witness = WitnessSigner::from_seed("w", &[2; 32]).unwrap();
        assert_eq!(WitnessSigner::parse(witness.to_text().trim_end()).unwrap().public(), witness.public());
        assert_eq!(WitnessKey::parse(&witness.public().to_string()), Ok(witness.public()));
        let log = SigningKey::from_seed("w", &[2; 32]).unwrap();
        assert!(WitnessKey::parse(&log.verifying_key().to_string()).is_err());
        assert!(crate::VerifyingKey::parse(&witness.public().to_string()).is_err());
    }

    #[test]
    fn a_question_to_a_witness_is_read_as_it_is_written() {
        let proof = [Digest::of(b"a"), Digest::of(b"b")];
        let note = note();
        let body = format!("old 2\n{}\n{note}", proof_lines(&proof));
        assert_eq!(Request::parse(&body), Some(Request { old: 2, proof: proof.to_vec(), checkpoint: &note }));
        let first = format!("old 0\n\n{note}");
        assert_eq!(Request::parse(&first).unwrap().proof, []);
        for bad in ["", "old\n\nx", "old 01\n\nx", "old 1\nAAAA\n\nx", "old 1\n", "new 1\n\nx"] {
            assert_eq!(Request::parse(bad), None, "{bad}");
        }
        let long = format!("old 1\n{}\nx", proof_lines(&vec![Digest::of(b""); 64]));
        assert_eq!(Request::parse(&long), None);
    }

    // The example of C2SP tlog-cosignature: form and key id can be checked, the key is not published with it.
    #[test]
    fn the_published_line_has_the_form_that_is_read() {
        let line = "\u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==";
        let (name, data) = note::read_line(line).unwrap();
        assert_eq!((name, data.len()), ("witness.example.com/w1", 4 + 8 + 64));
        assert_eq!(u64::from_be_bytes(data[4..12].try_into().unwrap()), 1_679_315_147);
    }
}
