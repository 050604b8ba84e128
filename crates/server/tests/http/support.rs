//! A house to send requests to: an organisation with people, services, environments, a signing key, a pipeline and builds.

use axum::{
    Router,
    body::Body,
    http::{Request, Response, StatusCode},
};
use http_body_util::BodyExt as _;
use interlock_domain::{
    core::{Actor, Command},
    people, policy,
};
use interlock_engine::{Clock, Engine, Options, Sources};
use interlock_ids::Digest;
use interlock_ledger::{Ledger, MemoryLedger};
use interlock_outbound::Guard;
use interlock_server::{App, Exposure, PermitSigner, ServeOptions, auth, router};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::Cursor,
    path::Path,
    process::Command as Process,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use tower::ServiceExt as _;

pub const SECRET: &str = "the-one-time-secret";
pub const PASSWORD: &str = "correct horse battery";

/// A clock that is moved by hand; it begins on Monday, 2 March 2026, 09:00 UTC.
pub struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

pub struct House {
    pub engine: Engine,
    pub app: App,
    pub router: Router,
    clock: Arc<Hands>,
    pub tokens: BTreeMap<String, String>,
    pub dir: tempfile::TempDir,
    key: minisign::KeyPair,
}

/// An answer, read.
pub struct Got {
    pub status: u16,
    pub headers: axum::http::HeaderMap,
    pub bytes: Vec<u8>,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(&self.bytes)))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The answer, which is a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text());
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }

    /// The problem, which has this status and code.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let it = self.json();
        assert_eq!(it["code"], code, "{it:#}");
        assert_eq!(it["status"], status);
        it
    }
}

impl House {
    /// An organisation that was just founded: nobody is there yet.
    pub async fn empty() -> Self {
        Self::empty_on(Arc::new(MemoryLedger::new("test.example/interlock", [7; 32]).unwrap())).await
    }

    /// The same on a ledger of one's own.
    pub async fn empty_on(ledger: Arc<dyn interlock_ledger::Ledger>) -> Self {
        let clock =
            Arc::new(Hands(AtomicI64::new("2026-03-02T09:00:00Z".parse::<Timestamp>().unwrap().as_millisecond())));
        let sources = Sources { clock: clock.clone(), ..Sources::default() };
        let feeds = Arc::new(interlock_integrations::icalendar::HttpFeeds::new(Guard::inside()).unwrap());
        let ports = interlock_engine::ports::Ports { feeds, ..Default::default() };
        let engine = Engine::open(ledger, Options { sources, ports, ..Options::default() }).unwrap();
        let setup_until = engine.now().checked_add(SignedDuration::from_hours(24)).unwrap();
        let found = people::Command::Found {
            organisation: "The Shop".into(),
            time_zone_data: "test".into(),
            setup: auth::hash(SECRET),
            setup_until,
        };
        let install = policy::Command::Install { packs: interlock_policy::shipped() };
        for command in [Command::People(found), Command::Policy(install)] {
            engine.submit(Actor::system(), command, None).await.unwrap();
        }
        let dir = tempfile::tempdir().unwrap();
        let secrets = Some(dir.path().to_owned());
        let options = ServeOptions {
            listen: ([127, 0, 0, 1], 0).into(),
            secure_cookies: false,
            permits: PermitSigner::from_seed([9; 32]),
            telemetry: Default::default(),
            exposure: Exposure { outbound: Guard::inside(), secrets, ..Exposure::default() },
        };
        let app = App::holding(engine.clone(), options, std::time::Duration::from_millis(200));
        let router = router(app.clone());
        let key = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
        Self { engine, app, router, clock, tokens: BTreeMap::new(), dir, key }
    }

    /// The shop, with everybody at work.
    pub async fn shop() -> Self {
        Self::empty().await.peopled().await
    }

    /// The same on a ledger of any kind.
    pub async fn shop_on(ledger: Arc<dyn Ledger>) -> Self {
        Self::empty_on(ledger).await.peopled().await
    }

    /// Everybody comes to work.
    pub async fn peopled(self) -> Self {
        let mut house = self;
        let setup = json!({ "secret": SECRET, "login": "ana", "name": "Ana Ruiz", "email": "ana@shop.example", "password": PASSWORD });
        let session = house.raw("POST", "/setup", &[], Some(setup)).await;
        let cookie = session.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let csrf = session.ok()["csrf_token"].as_str().unwrap().to_owned();
        let headers = [("cookie", cookie.as_str()), ("x-csrf-token", csrf.as_str())];
        let token = house.raw("POST", "/tokens", &headers, Some(json!({ "name": "tests", "lasts": "30d" }))).await.ok();
        house.tokens.insert("ana".into(), token["secret"].as_str().unwrap().into());
        house.repository();
        let manifests = house.organisation();
        house.apply("ana", &manifests).await.ok();
        for who in ["rita", "dana", "erik", "amir", "bea", "olu", "elin", "aude", "runner-1"] {
            let token =
                house.post("ana", "/tokens", json!({ "name": "tests", "account": who, "lasts": "30d" })).await.ok();
            house.tokens.insert(who.into(), token["secret"].as_str().unwrap().into());
        }
        house
    }

    pub fn organisation(&self) -> String {
        let public = self.key.pk.to_base64();
        include_str!("organisation.yaml")
            .replace("{{repository}}", &self.repository_path())
            .replace("{{public_key}}", &public)
    }

    pub fn now(&self) -> Timestamp {
        self.engine.now()
    }

    pub fn wait(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub fn later(&self, seconds: i64) -> String {
        self.now().checked_add(SignedDuration::from_secs(seconds)).unwrap().to_string()
    }

    /// A request as it is.
    pub async fn send(&self, request: Request<Body>) -> Got {
        let response: Response<Body> = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR);
        let bytes = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        Got { status: status.as_u16(), headers, bytes }
    }

    pub async fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Got {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        self.send(request.unwrap()).await
    }

    fn bearer(&self, who: &str) -> String {
        format!("Bearer {}", self.tokens.get(who).unwrap_or_else(|| panic!("nobody is called {who}")))
    }

    pub async fn get(&self, who: &str, path: &str) -> Got {
        self.raw("GET", path, &[("authorization", &self.bearer(who))], None).await
    }

    pub async fn post(&self, who: &str, path: &str, body: Value) -> Got {
        self.raw("POST", path, &[("authorization", &self.bearer(who))], Some(body)).await
    }

    pub async fn put(&self, who: &str, path: &str, body: Value) -> Got {
        self.raw("PUT", path, &[("authorization", &self.bearer(who))], Some(body)).await
    }

    pub async fn bytes(&self, who: &str, method: &str, path: &str, kind: &str, bytes: impl Into<Vec<u8>>) -> Got {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header("authorization", self.bearer(who))
            .header("content-type", kind);
        self.send(request.body(Body::from(bytes.into())).unwrap()).await
    }

    pub async fn apply(&self, who: &str, manifests: &str) -> Got {
        self.bytes(who, "POST", "/manifests", "application/yaml", manifests).await
    }

    pub fn repository_path(&self) -> String {
        self.dir.path().join("repository").to_str().unwrap().to_owned()
    }

    fn git(&self, words: &[&str]) {
        let ran = Process::new("git")
            .args(words)
            .current_dir(self.repository_path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("HOME", self.dir.path())
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }

    /// A repository with a first version by Erik and a second by Dana.
    fn repository(&self) {
        std::fs::create_dir(self.repository_path()).unwrap();
        self.git(&["init", "-q", "-b", "main"]);
        for (version, name, email) in [
            ("v1", "Erik Lindqvist", "erik@shop.example"),
            ("v2", "Dana Novak", "dana@shop.example"),
            ("v3", "Dana Novak", "dana@shop.example"),
        ] {
            self.commit(version, name, email);
        }
    }

    /// Another version in the repository, by somebody.
    pub fn commit(&self, version: &str, name: &str, email: &str) {
        std::fs::write(Path::new(&self.repository_path()).join("version"), version).unwrap();
        self.git(&["add", "version"]);
        let (user, address) = (format!("user.name={name}"), format!("user.email={email}"));
        self.git(&["-c", &user, "-c", &address, "commit", "-q", "-m", &format!("checkout: {version}")]);
        self.git(&["tag", version]);
    }

    pub fn sign(&self, bytes: &[u8]) -> String {
        minisign::sign(Some(&self.key.pk), &self.key.sk, Cursor::new(bytes), None, None).unwrap().into_string()
    }

    /// Stores and registers a build of `checkout`; gives its digest.
    pub async fn build(&self, version: &str, since: Option<&str>) -> String {
        let bytes = format!("checkout {version}").into_bytes();
        let blob = self.bytes("dana", "PUT", "/blobs", "application/octet-stream", bytes.clone()).await.ok();
        let digest = blob["digest"].as_str().unwrap().to_owned();
        let mut source = json!({ "commit": version });
        if let Some(since) = since {
            source["since"] = since.into();
        }
        let signature = json!({ "key": "shop-build", "text": self.sign(&bytes) });
        let body = json!({ "digest": digest, "service": "checkout", "version": version, "signature": signature, "source": source });
        let made = self.post("dana", "/artifacts", body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        digest
    }

    pub fn spec(&self, digest: &str) -> Value {
        json!({
            "environment": "production", "class": "normal", "summary": "Deliveries on Saturdays", "pipeline": "shop", "length": "2h",
            "items": [{ "service": "checkout", "digest": digest }],
            "triggers": [{
                "name": "errors", "indicator": { "error_ratio": { "service": "checkout", "window": "1m" } }, "comparison": "above",
                "threshold": 0.05, "for": "10s", "action": "rollback", "owner": "olu", "deputy": "rita"
            }],
            "rollback": { "criteria": [{ "name": "answers", "http": { "path": "/health" } }] },
            "watch": { "length": "10m", "interval": "30s" }
        })
    }

    /// Version 1 runs everywhere; version 2 is planned as `second`, from an hour on.
    pub async fn planned(&self) -> String {
        let first = self.build("v1", None).await;
        let found: Vec<Value> = ["checkout-1", "checkout-2"]
            .iter()
            .map(|target| json!({ "service": "checkout", "target": target, "digest": first }))
            .collect();
        self.post("elin", "/environments/production/installed", json!({ "found": found })).await.ok();
        let second = self.build("v2", Some("v1")).await;
        let body = json!({ "name": "second", "spec": self.spec(&second), "start": self.later(3600) });
        let made = self.post("rita", "/releases", body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["subject"]["id"].as_str().unwrap().to_owned()
    }

    /// The same, approved by two and with a permit.
    pub async fn authorised(&self) -> String {
        let id = self.planned().await;
        self.post("rita", "/releases/second/freeze", json!({})).await.ok();
        let change = self.get("rita", "/releases/second").await.ok()["change"]["id"].as_str().unwrap().to_owned();
        for who in ["amir", "bea"] {
            self.post(who, &format!("/changes/{change}/approve"), json!({ "reason": "read it, tried it" })).await.ok();
        }
        self.post("rita", "/releases/second/authorise", json!({})).await.ok();
        id
    }
}

pub fn digest(text: &str) -> Digest {
    text.parse().unwrap()
}
