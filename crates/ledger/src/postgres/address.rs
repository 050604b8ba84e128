//! Where a ledger in PostgreSQL is: `postgres://user@host[,host…]/database?…`.
//!
//! The parameters are those of libpq as far as the driver knows them, and three of ours: `schema` (the schema that holds the
//! ledger, `interlock` by default), `sslrootcert` (a PEM file of authorities, instead of the system's) and `passwordfile`.
//!
//! **Invariant:** a connection over a network is encrypted and the server's name is verified, unless the address says
//! `sslmode=disable` in so many words. What is shown of an address never holds its password.
//! **Deliberately absent:** `sslmode=prefer`, which gives way to whoever is in between.

use crate::error::StoreError;
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject as _};
use std::{fs, net::IpAddr, path::Path, sync::Arc, time::Duration};
use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};
use tokio_postgres_rustls::MakeRustlsConnect;

const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];
const SCHEMA: &str = "interlock";
/// How long one host may take to answer, where the address says nothing.
const CONNECT: Duration = Duration::from_secs(3);
/// After how long without an answer a connection is given up by the operating system.
const SILENCE: Duration = Duration::from_secs(10);

/// A parsed address.
#[derive(Clone)]
pub(super) struct Address {
    pub config: Config,
    pub schema: String,
    /// The address as it may be shown.
    pub shown: String,
    pub tls: Option<MakeRustlsConnect>,
}

/// Whether a store is named by an address of PostgreSQL rather than by a path.
pub fn is_address(text: &str) -> bool {
    SCHEMES.iter().any(|scheme| text.starts_with(scheme))
}

fn malformed(why: impl Into<String>) -> StoreError {
    StoreError::Malformed { what: "the address of the ledger", why: why.into() }
}

/// Parses an address.
///
/// # Errors
/// It is not one; a file it names cannot be read; it asks for encryption without verification.
pub(super) fn parse(text: &str) -> Result<Address, StoreError> {
    if !is_address(text) {
        return Err(malformed("it does not begin with `postgres://`"));
    }
    let (base, query) = text.split_once('?').unwrap_or((text, ""));
    let (mut schema, mut roots, mut password, mut mode) = (SCHEMA.to_owned(), None, None, None);
    let mut rest = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "schema" => schema = value.to_owned(),
            "sslrootcert" => roots = Some(unescape(value)?),
            "passwordfile" => password = Some(unescape(value)?),
            "sslmode" => mode = Some(value),
            _ => rest.push(pair),
        }
    }
    check_schema(&schema)?;
    let bare = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    let mut config: Config = bare.parse().map_err(|error: tokio_postgres::Error| malformed(reason(&error)))?;
    if let Some(path) = password {
        let secret = fs::read_to_string(&path).map_err(|error| malformed(format!("`{path}`: {error}")))?;
        config.password(secret.trim_end_matches(['\n', '\r']));
    }
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(malformed("it names no host"));
    }
    let nearby = config.get_hostaddrs().is_empty() && config.get_hosts().iter().all(is_nearby);
    let encrypted = match mode {
        Some("disable") => false,
        None => !nearby,
        // Whoever asks for encryption gets verification with it.
        Some("require" | "verify-ca" | "verify-full") => true,
        Some(other) => {
            return Err(malformed(format!("sslmode `{other}` is not taken; write `verify-full` or `disable`")));
        }
    };
    config.ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable });
    // A replica takes no entries; where several hosts are named, the one that does is wanted.
    config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    if config.get_application_name().is_none() {
        config.application_name("interlock");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(SILENCE);
    }
    config.keepalives_idle(Duration::from_secs(5));
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(Duration::from_secs(2)).keepalives_retries(3);
    }
    let tls = if encrypted { Some(connector(roots.as_deref())?) } else { None };
    let shown = shown(&config, &schema);
    Ok(Address { config, schema, shown, tls })
}

/// The whole of an error of the driver: its own words are only the outermost.
pub(super) fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = inner.source();
    }
    text
}

fn is_nearby(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

/// A name that needs no quoting, so that it is the same wherever it is written.
fn check_schema(name: &str) -> Result<(), StoreError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let sound = name.len() <= 48
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(plain)
        && !name.starts_with("pg_");
    if sound {
        Ok(())
    } else {
        Err(malformed(
            "a schema is named by at most 48 lower-case letters, digits and `_`, beginning with a letter, not with `pg_`",
        ))
    }
}

fn shown(config: &Config, schema: &str) -> String {
    let hosts: Vec<String> = match config.get_hosts() {
        [] => config.get_hostaddrs().iter().map(IpAddr::to_string).collect(),
        hosts => hosts
            .iter()
            .map(|host| match host {
                Host::Tcp(name) => name.clone(),
                #[cfg(unix)]
                Host::Unix(path) => path.display().to_string(),
            })
            .collect(),
    };
    let ports = config.get_ports();
    let hosts: Vec<String> = hosts
        .iter()
        .enumerate()
        .map(|(at, host)| match ports.get(at).or(ports.first()) {
            Some(port) => format!("{host}:{port}"),
            None => host.clone(),
        })
        .collect();
    let database = config.get_dbname().or(config.get_user()).unwrap_or("");
    format!("postgres://{}/{database}?schema={schema}", hosts.join(","))
}

fn connector(roots: Option<&str>) -> Result<MakeRustlsConnect, StoreError> {
    let mut store = RootCertStore::empty();
    match roots {
        Some(path) => {
            let broken = |error: &dyn std::fmt::Display| malformed(format!("`{path}` holds no certificates: {error}"));
            let certificates = CertificateDer::pem_file_iter(Path::new(path)).map_err(|error| broken(&error))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| broken(&error))?;
                store.add(certificate).map_err(|error| broken(&error))?;
            }
        }
        None => {
            // Single certificates that cannot be read do not spoil the others.
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if store.is_empty() {
        return Err(malformed("no certificate authority is known; name one with `sslrootcert`"));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| malformed(error.to_string()))?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// Percent-encoding (RFC 3986, section 2.1), undone.
fn unescape(text: &str) -> Result<String, StoreError> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            let pair = bytes.get(at + 1..at + 3).and_then(|pair| hex::decode(pair).ok());
            out.extend(pair.ok_or_else(|| malformed("a `%` is not followed by two hexadecimal digits"))?);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).map_err(|_| malformed("a file name in it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        match parse(text) {
            Err(error) => error.to_string(),
            Ok(address) => panic!("{} was taken", address.shown),
        }
    }

    #[test]
    fn what_is_shown_holds_no_password() {
        let address = parse("postgres://ada:s3cret@127.0.0.1:5433/shop?schema=gov").unwrap();
        assert_eq!(address.shown, "postgres://127.0.0.1:5433/shop?schema=gov");
        assert_eq!(address.config.get_password(), Some(b"s3cret".as_slice()));
        let several = parse("postgres://a,b:7777/shop?sslmode=disable").unwrap();
        assert_eq!(several.shown, "postgres://a:5432,b:7777/shop?schema=interlock");
    }

    #[test]
    fn over_a_network_nothing_goes_unencrypted_by_itself() {
        assert!(parse("postgres://ada@localhost/shop").unwrap().tls.is_none());
        assert!(parse("postgres://ada@%2Frun%2Fpostgresql/shop").unwrap().tls.is_none());
        assert!(parse("postgres://ada@db.example/shop?sslmode=disable").unwrap().tls.is_none());
        assert!(refused("postgres://ada@db.example/shop?sslmode=prefer").contains("verify-full"));
        assert!(refused("postgres://ada@db.example/shop?sslrootcert=%2Fnone.pem").contains("/none.pem"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in
            ["", "mysql://x/y", "postgres://h/d?schema=A", "postgres://h/d?schema=pg_x", "postgres://h/d?nonsense=1"]
        {
            refused(bad);
        }
    }
}
