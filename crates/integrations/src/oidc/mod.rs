//! OpenID Connect (Core 1.0, Discovery 1.0, RP-Initiated and Back-Channel Logout 1.0) and tokens of issuers (RFC 7519, RFC 8725), as
//! the side that relies on them.
//!
//! Invariants: a token is judged by a key of its own issuer, fetched from where that issuer's own document says, and by an algorithm
//! that fits the key; algorithms with a shared secret and unsigned tokens are never taken; what a token's header says about keys
//! beside their id is not looked at. Deliberately absent: what a token lets anybody do, implicit and hybrid flows, encryption.

mod flow;
mod issuers;
mod jws;
mod keys;

pub use flow::{Begun, Metadata, Tokens, begin, challenge, sign_out};
pub use issuers::{Issuers, Source, Trouble};
pub use jws::{Expected, Fault, Verified, verify};
pub use keys::Keys;
