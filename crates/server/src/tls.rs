//! TLS ended by the server itself: for runners and people who reach it without a proxy.
//!
//! Invariants: one provider of cryptography (aws-lc-rs), TLS 1.2 and 1.3; a handshake that is not done in time costs its connection
//! and nothing else; with an authority for clients, runners have to show a certificate it has issued ([`Shown`]), people need none.
//! Deliberately absent: HTTP/2, certificates that renew themselves, and what a name within a client's certificate says: who a runner
//! is, its signature says.

use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{0}: {1}")]
    Unreadable(PathBuf, rustls::pki_types::pem::Error),
    #[error("{0} holds no certificate")]
    Empty(PathBuf),
    #[error("certificate and key do not do: {0}")]
    Unusable(String),
}

/// Whether the client has shown a certificate of the authority for clients. In the extensions of a request, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown(pub bool);

/// What the server shows, and whom it asks for a certificate.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    asks: bool,
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |error| TlsError::Unreadable(path.to_path_buf(), error);
    let all = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
    let all = all.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    if all.is_empty() { Err(TlsError::Empty(path.to_path_buf())) } else { Ok(all) }
}

impl Tls {
    /// From PEM files: the server's chain, its key, and, if runners have to show a certificate, the authority it comes from.
    ///
    /// # Errors
    /// A file cannot be read or holds something else; certificate and key do not belong together.
    pub fn open(chain: &Path, key: &Path, client_ca: Option<&Path>) -> Result<Self, TlsError> {
        let unusable = |error: &dyn std::fmt::Display| TlsError::Unusable(error.to_string());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let private =
            PrivateKeyDer::from_pem_file(key).map_err(|error| TlsError::Unreadable(key.to_path_buf(), error))?;
        let config = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?;
        let config = match client_ca {
            None => config.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|error| unusable(&error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier = verifier.allow_unauthenticated().build().map_err(|error| unusable(&error))?;
                config.with_client_cert_verifier(verifier)
            }
        };
        let mut config = config.with_single_cert(certificates(chain)?, private).map_err(|error| unusable(&error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), asks: client_ca.is_some() })
    }

    /// A connection after its handshake, and whether a certificate was shown, if runners have to show one. None if there was no
    /// handshake in time: that costs the connection and nothing else.
    pub(crate) async fn welcome(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> Option<(TlsStream<TcpStream>, Option<Shown>)> {
        match timeout(HANDSHAKE, self.acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let shown = self.asks.then(|| Shown(stream.get_ref().1.peer_certificates().is_some()));
                return Some((stream, shown));
            }
            Ok(Err(error)) => tracing::debug!(%peer, %error, "a handshake failed"),
            Err(_) => tracing::debug!(%peer, "a handshake was not done in time"),
        }
        None
    }
}
