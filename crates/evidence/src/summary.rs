//! What a document says, in the few words that are judged.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What kind of document it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Junit,
    Sarif,
    Cyclonedx,
    Spdx,
    Openvex,
    /// An in-toto statement in a DSSE envelope.
    Statement,
}

impl Kind {
    pub const ALL: [Kind; 6] = [Kind::Junit, Kind::Sarif, Kind::Cyclonedx, Kind::Spdx, Kind::Openvex, Kind::Statement];

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Junit => "junit",
            Kind::Sarif => "sarif",
            Kind::Cyclonedx => "cyclonedx",
            Kind::Spdx => "spdx",
            Kind::Openvex => "openvex",
            Kind::Statement => "statement",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let all: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("expected one of {}", all.join(", "))
        })
    }
}

/// How bad a finding is. `Unknown`: the tool does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Critical,
    High,
    Medium,
    Low,
    /// Worth a line, harms nobody.
    Info,
    Unknown,
}

impl Severity {
    /// The bands of CVSS 3.1, section 5; SARIF's `security-severity` uses the same.
    pub(crate) fn of_score(score: f64) -> Self {
        match score {
            s if !(0.0..=10.0).contains(&s) => Severity::Unknown,
            s if s >= 9.0 => Severity::Critical,
            s if s >= 7.0 => Severity::High,
            s if s >= 4.0 => Severity::Medium,
            s if s > 0.0 => Severity::Low,
            _ => Severity::Info,
        }
    }
}

/// Whether a finding still counts, by what the document itself says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Open,
    /// Somebody has declared in the document that it does not matter.
    SetAside,
}

/// Findings that are alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// Rule or vulnerability, such as `B602` or `CVE-2021-44228`.
    pub id: String,
    pub severity: Severity,
    pub status: Status,
    pub count: u32,
    /// When it was first seen, if the document says.
    pub since: Option<Timestamp>,
}

/// What is said about a vulnerability (OpenVEX 0.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vex {
    NotAffected,
    Affected,
    Fixed,
    UnderInvestigation,
}

/// What wrote the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    pub name: String,
    pub version: Option<String>,
}

/// A key whose signature holds over the statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer(pub String);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Cases by what became of them; `failed` includes errors.
    Tests {
        total: u32,
        passed: u32,
        failed: u32,
        skipped: u32,
    },
    /// `complete`: every run says, or does not deny, that it came to its end and gave results.
    Findings {
        findings: Vec<Finding>,
        complete: bool,
    },
    /// `identified`: with a package address, a digest, or a name and version. `findings`: vulnerabilities listed beside.
    Components {
        total: u32,
        identified: u32,
        findings: Vec<Finding>,
    },
    /// What is said about which vulnerability, aliases included, of the subjects.
    Vex {
        statements: Vec<(String, Vex)>,
    },
    Statement {
        predicate: String,
        signed_by: Vec<Signer>,
    },
}

/// What a document says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub tool: Option<Tool>,
    /// When it was made: the earliest moment it gives.
    pub made: Option<Timestamp>,
    /// SHA-256 digests of what it says it is about, ascending.
    pub subjects: Vec<[u8; 32]>,
    pub content: Content,
}

/// As much of an identifier as is kept.
pub(crate) fn word(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect::<String>().trim().to_owned()
}
