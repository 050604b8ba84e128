//! Manifests: every object as a document, so that an organisation's governance lives in Git and is itself reviewed.
//!
//! ```yaml
//! apiVersion: interlock/v1
//! kind: Service
//! metadata: {name: checkout}
//! spec: {owner: shop, depends_on: [basket]}
//! ```
//! Invariant: a document with a field nobody knows, of a kind nobody knows or of another version is refused. Several documents
//! are divided by lines of `---`; all are applied, or none.

use crate::{
    artifact::SigningKeySpec,
    calendar::CalendarSpec,
    catalog::ServiceSpec,
    deployment::PipelineSpec,
    environment::EnvironmentSpec,
    intake::{IdentityProviderSpec, TrustedIssuerSpec, WebhookSpec},
    people::AccountSpec,
    policy::PackSpec,
    release::ReleaseSpec,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The only version there is.
pub const API_VERSION: &str = "interlock/v1";

/// Kinds in the order in which they are applied: what others name comes first.
pub const KINDS: &[Kind] = &[
    Kind::PolicyPack,
    Kind::Account,
    Kind::IdentityProvider,
    Kind::TrustedIssuer,
    Kind::Webhook,
    Kind::SigningKey,
    Kind::Service,
    Kind::Environment,
    Kind::Calendar,
    Kind::Pipeline,
    Kind::Release,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub enum Kind {
    PolicyPack,
    Account,
    IdentityProvider,
    TrustedIssuer,
    Webhook,
    SigningKey,
    Service,
    Environment,
    Calendar,
    Pipeline,
    Release,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::PolicyPack => "PolicyPack",
            Kind::Account => "Account",
            Kind::IdentityProvider => "IdentityProvider",
            Kind::TrustedIssuer => "TrustedIssuer",
            Kind::Webhook => "Webhook",
            Kind::SigningKey => "SigningKey",
            Kind::Service => "Service",
            Kind::Environment => "Environment",
            Kind::Calendar => "Calendar",
            Kind::Pipeline => "Pipeline",
            Kind::Release => "Release",
        }
    }

    /// The kind of that name, whatever its case; also in the plural, as people type it.
    pub fn parse(text: &str) -> Option<Kind> {
        let wanted = text.to_ascii_lowercase().replace('-', "");
        KINDS.iter().copied().find(|kind| {
            let name = kind.as_str().to_ascii_lowercase();
            wanted == name || wanted == format!("{name}s")
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// 1 to 63 characters of a-z, 0-9 and `-`. Of an account: the login.
    pub name: String,
}

/// One document of a kind whose content is `S`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest<S> {
    /// `interlock/v1`.
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    pub kind: Kind,
    pub metadata: Metadata,
    pub spec: S,
}

/// One document of any kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    PolicyPack(Manifest<PackSpec>),
    Account(Manifest<AccountSpec>),
    IdentityProvider(Manifest<IdentityProviderSpec>),
    TrustedIssuer(Manifest<TrustedIssuerSpec>),
    Webhook(Manifest<WebhookSpec>),
    SigningKey(Manifest<SigningKeySpec>),
    Service(Manifest<ServiceSpec>),
    Environment(Manifest<EnvironmentSpec>),
    Calendar(Manifest<CalendarSpec>),
    Pipeline(Manifest<PipelineSpec>),
    Release(Manifest<ReleaseSpec>),
}

impl Document {
    pub fn kind(&self) -> Kind {
        match self {
            Document::PolicyPack(_) => Kind::PolicyPack,
            Document::Account(_) => Kind::Account,
            Document::IdentityProvider(_) => Kind::IdentityProvider,
            Document::TrustedIssuer(_) => Kind::TrustedIssuer,
            Document::Webhook(_) => Kind::Webhook,
            Document::SigningKey(_) => Kind::SigningKey,
            Document::Service(_) => Kind::Service,
            Document::Environment(_) => Kind::Environment,
            Document::Calendar(_) => Kind::Calendar,
            Document::Pipeline(_) => Kind::Pipeline,
            Document::Release(_) => Kind::Release,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Document::PolicyPack(it) => &it.metadata.name,
            Document::Account(it) => &it.metadata.name,
            Document::IdentityProvider(it) => &it.metadata.name,
            Document::TrustedIssuer(it) => &it.metadata.name,
            Document::Webhook(it) => &it.metadata.name,
            Document::SigningKey(it) => &it.metadata.name,
            Document::Service(it) => &it.metadata.name,
            Document::Environment(it) => &it.metadata.name,
            Document::Calendar(it) => &it.metadata.name,
            Document::Pipeline(it) => &it.metadata.name,
            Document::Release(it) => &it.metadata.name,
        }
    }
}

/// How manifests are applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ApplyQuery {
    /// Says what would happen, and changes nothing.
    pub dry_run: Option<bool>,
}

/// What became of each document, in the order of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Applied {
    pub dry_run: bool,
    pub position: u64,
    pub documents: Vec<AppliedDocument>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AppliedDocument {
    pub kind: Kind,
    pub name: String,
    pub outcome: ApplyOutcome,
    /// Line of the file on which the document begins.
    pub line: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApplyOutcome {
    Created,
    Changed,
    /// It was so already; nothing was recorded.
    Unchanged,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_found_as_people_type_them() {
        for (text, kind) in [
            ("Service", Kind::Service),
            ("services", Kind::Service),
            ("signing-keys", Kind::SigningKey),
            ("POLICYPACK", Kind::PolicyPack),
        ] {
            assert_eq!(Kind::parse(text), Some(kind));
        }
        assert_eq!(Kind::parse("widget"), None);
    }

    #[test]
    fn an_unknown_field_names_itself() {
        let text =
            r#"{"apiVersion":"interlock/v1","kind":"Service","metadata":{"name":"a"},"spec":{"owner":"x","ownr":"y"}}"#;
        assert!(serde_json::from_str::<Manifest<ServiceSpec>>(text).unwrap_err().to_string().contains("ownr"));
    }
}
