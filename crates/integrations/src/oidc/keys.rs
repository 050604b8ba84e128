//! Keys of an issuer (JWK Set, RFC 7517), and signatures checked with them.

use super::jws::Fault;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RsaParameters,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

/// Keys of one set that are looked at.
const KEYS: usize = 100;

/// A signature algorithm (RFC 7518, RFC 8037). All have a private half that only the issuer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Es256,
    Es384,
    EdDsa,
}

impl Algorithm {
    /// The algorithm a token's header names.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS256" => Self::Ps256,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "EdDSA" | "Ed25519" => Self::EdDsa,
            _ => return None,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point.
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    id: Option<String>,
    /// The one algorithm it is for, if the set says so.
    only: Option<String>,
    material: Material,
}

impl Key {
    fn fits(&self, algorithm: Algorithm, name: &str) -> bool {
        let material = match algorithm {
            Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512 | Algorithm::Ps256 => {
                matches!(self.material, Material::Rsa { .. })
            }
            Algorithm::Es256 => matches!(self.material, Material::P256(_)),
            Algorithm::Es384 => matches!(self.material, Material::P384(_)),
            Algorithm::EdDsa => matches!(self.material, Material::Ed25519(_)),
        };
        material && self.only.as_deref().is_none_or(|only| only == name)
    }

    fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let rsa: &RsaParameters = match algorithm {
            Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
            Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
            Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
            Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
            Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => {
                let (plain, bytes): (&'static dyn signature::VerificationAlgorithm, &[u8]) = match &self.material {
                    Material::P256(point) => (&ECDSA_P256_SHA256_FIXED, point),
                    Material::P384(point) => (&ECDSA_P384_SHA384_FIXED, point),
                    Material::Ed25519(point) => (&ED25519, point),
                    Material::Rsa { .. } => return false,
                };
                return UnparsedPublicKey::new(plain, bytes).verify(message, signature).is_ok();
            }
        };
        match &self.material {
            Material::Rsa { n, e } => RsaPublicKeyComponents { n, e }.verify(rsa, message, signature).is_ok(),
            Material::P256(_) | Material::P384(_) | Material::Ed25519(_) => false,
        }
    }
}

/// The keys of one issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(Vec<Key>);

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    /// Reads a JWK Set. Keys of kinds that sign no tokens are passed over.
    ///
    /// # Errors
    /// It is no JWK Set, or has no key that could be used.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let set: Set = serde_json::from_slice(text).map_err(|error| format!("this is no JWK Set: {error}"))?;
        let keys: Vec<Key> = set.keys.into_iter().take(KEYS).filter_map(key).collect();
        if keys.is_empty() { Err("the JWK Set has no key that signs tokens".into()) } else { Ok(Self(keys)) }
    }

    /// Whether there is a key of that id.
    pub fn knows(&self, id: Option<&str>) -> bool {
        id.is_none_or(|id| self.0.iter().any(|key| key.id.as_deref() == Some(id)))
    }

    /// Checks a signature by the key the header names; without a name, by the only key that fits.
    pub(super) fn check(&self, id: Option<&str>, name: &str, message: &[u8], signature: &[u8]) -> Result<(), Fault> {
        let algorithm = Algorithm::parse(name).ok_or_else(|| Fault::Algorithm(name.chars().take(20).collect()))?;
        if !self.knows(id) {
            return Err(Fault::KeyUnknown);
        }
        let named = self.0.iter().filter(|key| id.is_none() || key.id.as_deref() == id);
        let mut fitting = named.filter(|key| key.fits(algorithm, name));
        let key = fitting.next().ok_or_else(|| Fault::Algorithm(name.to_owned()))?;
        if fitting.next().is_some() {
            return Err(Fault::KeyUnknown);
        }
        if key.verify(algorithm, message, signature) { Ok(()) } else { Err(Fault::Signature) }
    }
}

fn key(value: serde_json::Value) -> Option<Key> {
    let it: Jwk = serde_json::from_value(value).ok()?;
    if it.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
    let point = |size: usize| {
        let (x, y) = (bytes(&it.x)?, bytes(&it.y)?);
        (x.len() == size && y.len() == size).then(|| [&[4][..], &x, &y].concat())
    };
    let material = match (it.kty.as_str(), it.crv.as_deref()) {
        ("RSA", _) => Material::Rsa { n: bytes(&it.n)?, e: bytes(&it.e)? },
        ("EC", Some("P-256")) => Material::P256(point(32)?),
        ("EC", Some("P-384")) => Material::P384(point(48)?),
        ("OKP", Some("Ed25519")) => Material::Ed25519(bytes(&it.x).filter(|x| x.len() == 32)?),
        _ => return None,
    };
    Some(Key { id: it.kid, only: it.alg, material })
}
