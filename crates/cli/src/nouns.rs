//! The nouns of the API: what people call them, where their lists are, and which columns a table of them has.
//! Invariant: one row per noun; `get` and `describe` know nothing else of any.

use crate::{
    client::{Client, Object, segment},
    failure::{Done, Failure},
    render::object::short,
};
use serde_json::Value;

/// One noun.
#[derive(Debug)]
pub struct Noun {
    pub name: &'static str,
    /// Its list, and with `/<id>` one of it.
    pub path: &'static str,
    /// Whether one of it has an address of its own.
    pub single: bool,
    /// Titles and JSON pointers (RFC 6901).
    pub columns: &'static [(&'static str, &'static str)],
}

const fn noun(
    name: &'static str,
    path: &'static str,
    single: bool,
    columns: &'static [(&'static str, &'static str)],
) -> Noun {
    Noun { name, path, single, columns }
}

/// All of them.
pub const NOUNS: &[Noun] = &[
    noun(
        "release",
        "releases",
        true,
        &[
            ("name", "/name"),
            ("status", "/status"),
            ("environment", "/environment/name"),
            ("services", "/services"),
            ("window", "/window/start"),
            ("what", "/sentence"),
        ],
    ),
    noun(
        "change",
        "changes",
        true,
        &[
            ("id", "/id"),
            ("release", "/release/name"),
            ("class", "/class"),
            ("impact", "/impact"),
            ("status", "/status"),
            ("approvals", "/approvals"),
            ("required", "/approvals_required"),
            ("conditions", "/open_conditions"),
        ],
    ),
    noun(
        "deployment",
        "deployments",
        true,
        &[
            ("id", "/id"),
            ("release", "/release/name"),
            ("environment", "/environment/name"),
            ("direction", "/direction"),
            ("status", "/status"),
            ("done", "/steps_done"),
            ("steps", "/steps_total"),
        ],
    ),
    noun(
        "environment",
        "environments",
        true,
        &[
            ("name", "/name"),
            ("tier", "/tier"),
            ("status", "/status"),
            ("targets", "/targets"),
            ("frozen by", "/freeze/title"),
            ("claimed by", "/claim/holder/name"),
        ],
    ),
    noun(
        "service",
        "services",
        true,
        &[
            ("name", "/name"),
            ("owner", "/owner"),
            ("criticality", "/criticality"),
            ("in production", "/production_version"),
            ("depends on", "/depends_on"),
        ],
    ),
    noun(
        "artifact",
        "artifacts",
        true,
        &[
            ("service", "/service/name"),
            ("version", "/version"),
            ("status", "/status"),
            ("signed by", "/signature/signer"),
            ("commits", "/commits"),
            ("digest", "/digest"),
        ],
    ),
    noun(
        "quarantine",
        "quarantines",
        false,
        &[
            ("id", "/id"),
            ("service", "/service/name"),
            ("version", "/version"),
            ("status", "/status"),
            ("because of", "/because_of/name"),
            ("since", "/since"),
            ("digest", "/digest"),
        ],
    ),
    noun("signing-key", "signing-keys", false, &[("name", "/name"), ("status", "/status"), ("key", "/public_key")]),
    noun("calendar", "calendars", true, &[("name", "/name"), ("owner", "/spec/owner"), ("source", "/source")]),
    noun(
        "lockdown",
        "lockdowns",
        false,
        &[
            ("id", "/id"),
            ("status", "/status"),
            ("since", "/since"),
            ("called by", "/called_by/name"),
            ("reason", "/reason"),
        ],
    ),
    noun(
        "exception",
        "exceptions",
        true,
        &[
            ("id", "/id"),
            ("status", "/status"),
            ("release", "/release/name"),
            ("calendar", "/calendar"),
            ("window", "/window"),
            ("occurrence", "/occurrence"),
            ("until", "/until"),
            ("granted by", "/role"),
        ],
    ),
    noun(
        "claim",
        "claims",
        false,
        &[
            ("id", "/id"),
            ("environment", "/environment/name"),
            ("holder", "/holder/name"),
            ("status", "/status"),
            ("until", "/end"),
            ("purpose", "/purpose"),
        ],
    ),
    noun(
        "pipeline",
        "pipelines",
        true,
        &[("name", "/name"), ("at once", "/spec/max_parallel"), ("first step", "/spec/steps/0/name")],
    ),
    noun(
        "runner",
        "runners",
        true,
        &[
            ("name", "/name"),
            ("status", "/status"),
            ("last heard from", "/last_contact"),
            ("running", "/running"),
            ("at once", "/slots"),
            ("version", "/version"),
            ("labels", "/labels"),
        ],
    ),
    noun(
        "account",
        "accounts",
        true,
        &[
            ("login", "/login"),
            ("name", "/name"),
            ("kind", "/kind"),
            ("status", "/status"),
            ("roles", "/roles"),
            ("groups", "/groups"),
        ],
    ),
    noun(
        "token",
        "tokens",
        false,
        &[
            ("id", "/id"),
            ("name", "/name"),
            ("owner", "/owner/name"),
            ("status", "/status"),
            ("expires", "/expires_at"),
            ("scopes", "/scopes"),
        ],
    ),
    noun(
        "webhook",
        "webhooks",
        false,
        &[("name", "/name"), ("scheme", "/scheme"), ("address", "/url"), ("disabled", "/disabled")],
    ),
    noun(
        "delegation",
        "delegations",
        false,
        &[
            ("id", "/id"),
            ("from", "/from/name"),
            ("to", "/to/name"),
            ("start", "/start"),
            ("end", "/end"),
            ("status", "/status"),
        ],
    ),
    noun(
        "rollback",
        "rollbacks",
        true,
        &[
            ("id", "/id"),
            ("release", "/release/name"),
            ("environment", "/environment/name"),
            ("status", "/status"),
            ("cause", "/cause"),
        ],
    ),
    noun(
        "review",
        "reviews",
        true,
        &[("id", "/id"), ("release", "/release/name"), ("status", "/status"), ("due", "/due_at"), ("why", "/why")],
    ),
    noun(
        "board",
        "boards",
        true,
        &[
            ("name", "/name"),
            ("members", "/members"),
            ("quorum", "/quorum"),
            ("rule", "/rule"),
            ("waiting", "/waiting"),
        ],
    ),
    noun(
        "meeting",
        "meetings",
        true,
        &[
            ("id", "/id"),
            ("board", "/board"),
            ("at", "/at"),
            ("status", "/status"),
            ("items", "/items"),
            ("decided", "/decided"),
        ],
    ),
    noun(
        "template",
        "templates",
        true,
        &[
            ("name", "/name"),
            ("version", "/version"),
            ("status", "/status"),
            ("uses", "/uses"),
            ("good", "/good"),
            ("lower", "/lower"),
            ("bar", "/bar"),
            ("still needed", "/still_needed"),
        ],
    ),
    noun(
        "debt",
        "debts",
        false,
        &[
            ("release", "/release/name"),
            ("change", "/change/id"),
            ("status", "/status"),
            ("owners", "/owners"),
            ("approve by", "/ratify_by"),
            ("review by", "/review_by"),
        ],
    ),
    noun(
        "glass",
        "glasses",
        false,
        &[
            ("id", "/id"),
            ("release", "/release/name"),
            ("gates", "/gates"),
            ("status", "/status"),
            ("until", "/until"),
            ("broken by", "/broken_by/name"),
            ("confirmed by", "/confirmed_by/name"),
        ],
    ),
    noun(
        "flow",
        "flows",
        false,
        &[
            ("class", "/class"),
            ("lead time", "/spec/lead_time"),
            ("documents", "/spec/documents"),
            ("board", "/spec/board/board"),
            ("from", "/spec/board/from"),
            ("signed", "/spec/signed"),
        ],
    ),
];

/// The noun people mean: singular or plural, in British or American spelling, whatever its case.
///
/// # Errors
/// There is none of that name.
pub fn find(text: &str) -> Done<&'static Noun> {
    let wanted = text.to_ascii_lowercase().replace('_', "-").replace("artefact", "artifact");
    let named = |it: &&Noun| {
        wanted == it.name
            || wanted == it.path
            || (it.name == "environment" && matches!(wanted.as_str(), "env" | "envs"))
    };
    NOUNS.iter().find(named).ok_or_else(|| {
        let names: Vec<&str> = NOUNS.iter().map(|it| it.name).collect();
        Failure::Usage(format!("there is no noun `{text}`; there are {}", names.join(", ")))
    })
}

impl Noun {
    /// One line of a table.
    pub fn row(&self, it: &Value) -> Vec<String> {
        self.columns
            .iter()
            .map(|(_, pointer)| {
                it.pointer(pointer).filter(|it| !it.is_null()).and_then(short).unwrap_or_else(|| "-".into())
            })
            .collect()
    }

    /// One of it, by its id or name.
    ///
    /// # Errors
    /// There is none, or the server cannot be asked.
    pub async fn one(&self, client: &Client, id: &str) -> Done<Object> {
        if self.single {
            return client.get(&format!("/{}/{}", self.path, segment(id))).await;
        }
        let all: Vec<Object> = client.list(&format!("/{}", self.path), usize::MAX).await?;
        let named = |it: &Object| {
            ["/id", "/name", "/digest"].iter().any(|pointer| it.pointer(pointer).and_then(Value::as_str) == Some(id))
        };
        all.into_iter().find(named).ok_or_else(|| {
            Failure::Failed(format!("there is no {} `{id}`; `interlock get {}` lists them", self.name, self.path))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_are_found_as_people_type_them() {
        for (text, path) in [
            ("release", "releases"),
            ("Releases", "releases"),
            ("env", "environments"),
            ("artefacts", "artifacts"),
            ("signing_keys", "signing-keys"),
        ] {
            assert_eq!(find(text).unwrap().path, path);
        }
        let failure = find("widget").unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.to_string().contains("release"));
    }

    #[test]
    fn what_is_not_there_is_a_dash() {
        let row =
            find("claim").unwrap().row(&serde_json::json!({"id": "clm_1", "holder": {"id": "a", "name": "elin"}}));
        assert_eq!(row, ["clm_1", "-", "elin", "-", "-", "-"]);
    }
}
