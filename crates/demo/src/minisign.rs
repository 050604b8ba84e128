//! Signing in minisign's format, so that an artefact can be checked with the `minisign` program or any of its libraries.
//!
//! Pre-hashed signatures ("ED": Ed25519 over BLAKE2b-512 of the file) with a trusted comment that is signed as well.
//! Source: <https://jedisct1.github.io/minisign/>, "Signature format", "Public key format", "Secret key format".
//! Deliberately absent: password-protected secret keys (the demo's key protects nothing) and verification.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blake2::digest::consts::U32;
use blake2::{Blake2b, Blake2b512, Digest};
use ed25519_dalek::{Signer, SigningKey};

use crate::error::{DemoError, Result};

const PURE: &[u8; 2] = b"Ed";
const PREHASHED: &[u8; 2] = b"ED";
const CHECKSUM: &[u8; 2] = b"B2";
const SECRET_KEY_BYTES: usize = 2 + 2 + 2 + 32 + 8 + 8 + 8 + 64 + 32;

/// A key pair with minisign's eight-byte key number.
pub struct KeyPair {
    number: [u8; 8],
    signing: SigningKey,
}

impl KeyPair {
    /// A new pair from the operating system's random source.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn generate() -> Result<Self> {
        let (mut seed, mut number) = ([0u8; 32], [0u8; 8]);
        for bytes in [&mut seed[..], &mut number[..]] {
            getrandom::fill(bytes)
                .map_err(|error| DemoError::Invalid(format!("no random bytes for a signing key: {error}")))?;
        }
        Ok(Self::from_parts(seed, number))
    }

    /// The pair that belongs to a 32-byte Ed25519 seed and a key number.
    pub fn from_parts(seed: [u8; 32], number: [u8; 8]) -> Self {
        Self { number, signing: SigningKey::from_bytes(&seed) }
    }

    /// Key number as minisign prints it: upper-case hexadecimal, least significant byte last.
    pub fn id(&self) -> String {
        hex::encode_upper(self.number.iter().rev().copied().collect::<Vec<u8>>())
    }

    /// The public key in one line of Base64, as `minisign -P` takes it.
    pub fn public_base64(&self) -> String {
        let mut bytes = PURE.to_vec();
        bytes.extend_from_slice(&self.number);
        bytes.extend_from_slice(self.signing.verifying_key().as_bytes());
        STANDARD.encode(bytes)
    }

    /// Content of a public key file.
    pub fn public_file(&self) -> String {
        format!("untrusted comment: minisign public key {}\n{}\n", self.id(), self.public_base64())
    }

    /// Content of a secret key file without a password (what `minisign -G -W` writes).
    pub fn secret_file(&self) -> String {
        let secret = self.signing.to_keypair_bytes();
        let mut checksum = Blake2b::<U32>::new();
        checksum.update(PURE);
        checksum.update(self.number);
        checksum.update(secret);
        let mut bytes = Vec::with_capacity(SECRET_KEY_BYTES);
        bytes.extend_from_slice(PURE);
        bytes.extend_from_slice(&[0; 2]);
        bytes.extend_from_slice(CHECKSUM);
        bytes.extend_from_slice(&[0; 32 + 8 + 8]);
        bytes.extend_from_slice(&self.number);
        bytes.extend_from_slice(&secret);
        bytes.extend_from_slice(&checksum.finalize());
        format!("untrusted comment: minisign unencrypted secret key\n{}\n", STANDARD.encode(bytes))
    }

    /// Reads what [`Self::secret_file`] wrote.
    ///
    /// # Errors
    /// When the text is no unencrypted minisign secret key, or its checksum does not match.
    pub fn from_secret_file(text: &str) -> Result<Self> {
        let invalid = |reason: &str| DemoError::Invalid(format!("not an unencrypted minisign secret key: {reason}"));
        let line = text.lines().nth(1).ok_or_else(|| invalid("the second line is missing"))?;
        let bytes = STANDARD.decode(line.trim()).map_err(|error| invalid(&error.to_string()))?;
        if bytes.len() != SECRET_KEY_BYTES {
            return Err(invalid("wrong length"));
        }
        if &bytes[..2] != PURE || bytes[2..4] != [0; 2] || &bytes[4..6] != CHECKSUM {
            return Err(invalid("another algorithm, or protected by a password"));
        }
        let (mut number, mut seed) = ([0u8; 8], [0u8; 32]);
        number.copy_from_slice(&bytes[54..62]);
        seed.copy_from_slice(&bytes[62..94]);
        let pair = Self::from_parts(seed, number);
        if pair.secret_file().lines().nth(1) != Some(line.trim()) {
            return Err(invalid("checksum or public half does not match"));
        }
        Ok(pair)
    }

    /// Content of the `.minisig` file for `content`. `comment` is the trusted comment: one line, signed with the rest.
    ///
    /// # Errors
    /// When `comment` holds a line break: the file format has no room for one.
    pub fn sign(&self, content: &[u8], comment: &str) -> Result<String> {
        if comment.contains(['\n', '\r']) {
            return Err(DemoError::Invalid("a trusted comment is one line".to_owned()));
        }
        let signature = self.signing.sign(&Blake2b512::digest(content)).to_bytes();
        let mut line = PREHASHED.to_vec();
        line.extend_from_slice(&self.number);
        line.extend_from_slice(&signature);
        let mut covered = signature.to_vec();
        covered.extend_from_slice(comment.as_bytes());
        let global = self.signing.sign(&covered).to_bytes();
        Ok(format!(
            "untrusted comment: signature from minisign secret key {}\n{}\ntrusted comment: {comment}\n{}\n",
            self.id(),
            STANDARD.encode(line),
            STANDARD.encode(global)
        ))
    }
}

#[cfg(test)]
mod tests {
    use minisign_verify::{PublicKey, Signature};

    use super::*;

    fn pair() -> KeyPair {
        KeyPair::from_parts([7; 32], *b"\x01\x02\x03\x04\x05\x06\x07\x08")
    }

    #[test]
    fn another_implementation_accepts_the_signature() {
        let pair = KeyPair::generate().unwrap();
        let key = PublicKey::decode(&pair.public_file()).unwrap();
        let signature = Signature::decode(&pair.sign(b"bytes of an artefact", "file:shop.tar.gz").unwrap()).unwrap();
        key.verify(b"bytes of an artefact", &signature, false).unwrap();
        assert_eq!(signature.trusted_comment(), "file:shop.tar.gz");
    }

    #[test]
    fn another_implementation_refuses_changed_content_comment_and_key() {
        let pair = pair();
        let key = PublicKey::from_base64(&pair.public_base64()).unwrap();
        let text = pair.sign(b"content", "comment").unwrap();
        let signature = Signature::decode(&text).unwrap();
        assert!(key.verify(b"contenT", &signature, false).is_err());
        let forged = Signature::decode(&text.replace("trusted comment: comment", "trusted comment: commenT")).unwrap();
        assert!(key.verify(b"content", &forged, false).is_err());
        let other = KeyPair::from_parts([8; 32], *b"\x01\x02\x03\x04\x05\x06\x07\x08");
        let other = PublicKey::from_base64(&other.public_base64()).unwrap();
        assert!(other.verify(b"content", &signature, false).is_err());
    }

    #[test]
    fn secret_file_is_read_back_and_damage_noticed() {
        let text = pair().secret_file();
        assert_eq!(KeyPair::from_secret_file(&text).unwrap().public_base64(), pair().public_base64());
        let (head, line) = text.split_once('\n').unwrap();
        for position in [0, 20, 100, 150] {
            let mut bytes = STANDARD.decode(line.trim()).unwrap();
            bytes[position] ^= 1;
            assert!(KeyPair::from_secret_file(&format!("{head}\n{}\n", STANDARD.encode(bytes))).is_err(), "{position}");
        }
        assert!(KeyPair::from_secret_file("").is_err());
    }

    #[test]
    fn a_comment_is_one_line() {
        assert!(pair().sign(b"", "two\nlines").is_err());
    }
}
