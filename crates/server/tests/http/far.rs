//! Runners far away: real sockets, TLS under an authority of our own, labels, a server that goes away while they work.
//!
//! `tls/` holds an authority made for these tests (`openssl`, P-256) with a certificate for 127.0.0.1 and one for a runner.

use crate::support::*;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use ed25519_dalek::SigningKey;
use interlock_domain::deployment::Status;
use interlock_runner::{
    Controller as _, ControllerError, Credential, PermitKeys, RemoteConfig, RemoteServer, Runner, RunnerConfig,
    RunnerHandle, Tls as Trust, identity::public,
};
use interlock_server::{PermitSigner, ServeOptions, Tls, serve_on};
use interlock_wire::runner::LeaseRequest;
use serde_json::json;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

fn pem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/http/tls").join(name)
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(pem(name)).unwrap()
}

#[track_caller]
fn eventually(done: impl Fn() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let until = Instant::now() + Duration::from_secs(60);
        while !done() {
            assert!(Instant::now() < until, "did not come about: {caller}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The server of a house, over TLS; runners have to show a certificate.
struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start(house: &House, at: SocketAddr) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let address = listener.local_addr().unwrap();
        let tls = Tls::open(&pem("server.pem"), &pem("server.key"), Some(&pem("ca.pem"))).unwrap();
        let options = ServeOptions {
            listen: address,
            secure_cookies: true,
            permits: PermitSigner::from_seed([9; 32]),
            telemetry: Default::default(),
            exposure: Default::default(),
        };
        let (stop, stopped) = oneshot::channel();
        let asked = async { drop(stopped.await) };
        let engine = house.engine.clone();
        let serving = tokio::spawn(async move {
            serve_on(listener, Some(tls), engine, options, asked).await.unwrap();
        });
        Self { address, stop, serving }
    }

    async fn end(self) {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap();
    }
}

fn reach(house: &House, server: SocketAddr, runner: &str, credential: Credential, certificate: bool) -> RemoteServer {
    let client = certificate.then(|| [read("runner.pem"), read("runner.key")].concat());
    let config = RemoteConfig {
        server: format!("https://{server}"),
        credential,
        runner: runner.into(),
        allow_plain_http: false,
        tls: Trust { ca: Some(read("ca.pem")), client },
    };
    let engine = house.engine.clone();
    RemoteServer::with_clock(&config, Arc::new(move || engine.now())).unwrap()
}

/// Invites and enrols a runner over the network, and starts it.
async fn start(house: &House, server: SocketAddr, name: &str, seed: u8) -> (RunnerHandle, JoinHandle<bool>) {
    let invited =
        house.post("ana", "/runners/invitations", json!({ "name": name, "labels": { "site": name } })).await.ok();
    let key = SigningKey::from_bytes(&[seed; 32]);
    let remote = Arc::new(reach(house, server, name, Credential::Key(key.clone()), true));
    let token = invited["token"].as_str().unwrap();
    let enrolled = remote.enrol(token, &BASE64_STANDARD.encode(key.verifying_key().to_bytes())).await.unwrap();
    let keys =
        enrolled.permit_keys.iter().fold(PermitKeys::default(), |keys, it| keys.with(&it.id, public(&it.key).unwrap()));
    let mut config = RunnerConfig::new(name, house.dir.path().join(format!("runner-{name}")), keys);
    config.capacity = 2;
    let engine = house.engine.clone();
    let runner = Runner::with_clock(config, remote.clone(), remote, Arc::new(move || engine.now())).unwrap();
    (runner.handle(), tokio::spawn(runner.run()))
}

fn manifests(log: &str) -> String {
    format!(
        r#"
apiVersion: interlock/v1
kind: Environment
metadata: {{name: production}}
spec:
  tier: production
  deployers: {{roles: [deployer]}}
  targets:
    - {{name: checkout-1, address: "http://127.0.0.1:4001", services: [checkout], runner: {{site: a}}}}
    - {{name: checkout-2, address: "http://127.0.0.1:4002", services: [checkout], runner: {{site: b}}}}
---
apiVersion: interlock/v1
kind: Pipeline
metadata: {{name: shop}}
spec:
  max_parallel: 2
  ahead: 2
  steps:
    - name: deploy
      timeout: 60s
      run:
        program:
          apply: [/bin/sh, -c, "echo ${{target.name}} deploy $PWD >> {log}; while [ ! -e {log}.go ]; do sleep 0.02; done"]
    - name: check
      timeout: 60s
      run:
        program: {{apply: [/bin/sh, -c, "echo ${{target.name}} check $PWD >> {log}"], artifact: false}}
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn runners_with_labels_work_over_tls_and_finish_what_they_hold_while_the_server_is_away() {
    let house = House::shop().await;
    let log = house.dir.path().join("log");
    house.apply("ana", &manifests(log.to_str().unwrap())).await.ok();
    let server = Server::start(&house, ([127, 0, 0, 1], 0).into()).await;
    let address = server.address;
    let (a, running_a) = start(&house, address, "a", 1).await;
    let (b, running_b) = start(&house, address, "b", 2).await;
    house.authorised().await;
    house.wait(3700);
    let begun = house.post("olu", "/releases/second/deploy", json!({})).await.ok();
    let deployment = begun["subject"]["id"].as_str().unwrap().parse().unwrap();
    let words = || std::fs::read_to_string(&log).unwrap_or_default();
    eventually(|| words().lines().count() == 2).await;

    server.end().await;
    std::fs::write(log.with_extension("go"), "").unwrap();
    // Both steps of a target were handed out together: all of it is done without the server.
    eventually(|| words().lines().count() == 4 && a.running() == 0 && b.running() == 0).await;
    let status = || house.engine.world().deployment.deployment(deployment).unwrap().status;
    assert_eq!(status(), Status::Running, "nobody has told the server yet");
    let server = Server::start(&house, address).await;
    eventually(|| status() == Status::Succeeded).await;

    let mut lines: Vec<String> = words().lines().map(str::to_owned).collect();
    lines.sort();
    for (line, (target, step, runner)) in lines.iter().zip([
        ("checkout-1", "check", "runner-a"),
        ("checkout-1", "deploy", "runner-a"),
        ("checkout-2", "check", "runner-b"),
        ("checkout-2", "deploy", "runner-b"),
    ]) {
        assert!(line.starts_with(&format!("{target} {step} ")) && line.contains(runner), "{line}");
    }
    assert_eq!(lines.len(), 4, "every step was done once");

    // Turned away, it ends by itself and says so.
    house.post("ana", "/runners/a/revoke", json!({ "reason": "moved" })).await.ok();
    assert!(!tokio::time::timeout(Duration::from_secs(60), running_a).await.unwrap().unwrap());
    b.stop();
    assert!(running_b.await.unwrap());
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_certificates_refuses_runners_without_and_strangers_are_not_trusted() {
    let house = House::shop().await;
    let server = Server::start(&house, ([127, 0, 0, 1], 0).into()).await;
    let invited = house.post("ana", "/runners/invitations", json!({ "name": "a" })).await.ok();
    let key = SigningKey::from_bytes(&[1; 32]);
    let bare = reach(&house, server.address, "a", Credential::Key(key.clone()), false);
    bare.enrol(invited["token"].as_str().unwrap(), &BASE64_STANDARD.encode(key.verifying_key().to_bytes()))
        .await
        .unwrap();
    let request = || LeaseRequest { runner: "a".into(), protocol: 2, ..LeaseRequest::default() };
    let refused = bare.lease(request()).await.unwrap_err();
    assert!(
        matches!(&refused, ControllerError::Refused { status: 403, code, .. } if code == "runner-certificate"),
        "{refused}"
    );
    let shown = reach(&house, server.address, "a", Credential::Key(key.clone()), true);
    assert_eq!(shown.lease(request()).await.unwrap().protocol, 2);
    // The system's authorities do not know ours.
    let config = RemoteConfig {
        server: format!("https://{}", server.address),
        credential: Credential::Key(key),
        runner: "a".into(),
        allow_plain_http: false,
        tls: Trust::default(),
    };
    let trusting = RemoteServer::new(&config);
    let answer = match trusting {
        Ok(remote) => remote.lease(request()).await.map(drop),
        Err(error) => Err(error),
    };
    assert!(matches!(answer, Err(ControllerError::Unreachable(_))), "{answer:?}");
    server.end().await;
}
