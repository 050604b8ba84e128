//! What an attacker does to a server that is reachable, on real sockets where it is about sockets.

use crate::support::*;
use axum::{body::Body, http::Request};
use interlock_outbound::Guard;
use interlock_server::{App, Bounds, Exposure, PermitSigner, ServeOptions, router};
use serde_json::json;
use std::{
    io::Write as _,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};
use tower::ServiceExt as _;

fn options(exposure: Exposure, secure_cookies: bool) -> ServeOptions {
    ServeOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        secure_cookies,
        permits: PermitSigner::from_seed([9; 32]),
        telemetry: Default::default(),
        exposure,
    }
}

/// The house on a socket, with little patience. Dropping the sender ends it.
async fn open(house: &House, bounds: Bounds) -> (SocketAddr, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let options = options(Exposure { bounds, ..Exposure::default() }, false);
    let serving = interlock_server::serve_on(listener, None, house.engine.clone(), options, async move {
        let _ = stopped.await;
    });
    tokio::spawn(serving);
    (address, stop)
}

fn hasty() -> Bounds {
    Bounds { connections: 50, head: Duration::from_millis(400), silence: Duration::from_millis(400) }
}

/// Sends `text`, then reads until the other side closes; gives what came and how long it took.
async fn exchange(address: SocketAddr, text: &[u8]) -> (String, Duration) {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Whoever is refused early may find the connection closed before all is sent.
    let _ = stream.write_all(text).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the server holds the connection");
    (String::from_utf8_lossy(&answer).into_owned(), begun.elapsed())
}

#[tokio::test]
async fn slow_loris_is_cut_off_and_others_are_served_meanwhile() {
    let house = House::empty().await;
    let (address, _stop) = open(&house, hasty()).await;
    // Forty connections that never finish their heads, sending a little now and then; ten that send nothing at all.
    let mut slow = Vec::new();
    for number in 0..50 {
        slow.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            for n in 0..100 {
                let text = if n == 0 { "GET / HTTP/1.1\r\nhost: h\r\n".to_owned() } else { format!("x-{n}: y\r\n") };
                if number < 40 && stream.write_all(text.as_bytes()).await.is_err() {
                    return true;
                }
                let mut byte = [0; 64];
                let read = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut byte)).await;
                if let Ok(Ok(0) | Err(_)) = read {
                    return true;
                }
            }
            false
        }));
    }
    // The limit of connections is reached; who waits is served as soon as the slow ones are cut off.
    let (answer, took) =
        exchange(address, b"GET /api/v1/health HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    for one in slow {
        assert!(one.await.unwrap(), "a connection was kept that never asked for anything");
    }
}

#[tokio::test]
async fn a_body_that_stops_arriving_is_given_up() {
    let house = House::empty().await;
    let (address, _stop) = open(&house, hasty()).await;
    let head = "POST /api/v1/session HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 100\r\n\r\n{";
    let (answer, took) = exchange(address, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("body-too-slow"), "{answer}");
    assert!(took < Duration::from_secs(5));
}

#[tokio::test]
async fn oversized_headers_are_refused_before_anything_is_looked_at() {
    let house = House::empty().await;
    let (address, _stop) = open(&house, Bounds::default()).await;
    let long = format!("GET /api/v1/health HTTP/1.1\r\nhost: h\r\nx-long: {}\r\n\r\n", "x".repeat(100_000));
    let barely = format!("GET /api/v1/health HTTP/1.1\r\nhost: h\r\nx-long: {}\r\n\r\n", "x".repeat(33_000));
    let many = format!("GET /api/v1/health HTTP/1.1\r\nhost: h\r\n{}\r\n", "x-a: b\r\n".repeat(200));
    let path = format!("GET /{} HTTP/1.1\r\nhost: h\r\n\r\n", "x".repeat(70_000));
    let (answer, _) = exchange(address, many.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    // The connection may be closed so early that the answer is lost; it is never one that did what was asked.
    for what in [long, barely, path] {
        let (answer, _) = exchange(address, what.as_bytes()).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 431") || answer.starts_with("HTTP/1.1 414"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn header_injection_and_smuggling_are_refused() {
    let house = House::empty().await;
    let (address, _stop) = open(&house, hasty()).await;
    for request in [
        // Two lengths, a length and chunks, a bare line feed in a name, a space before the colon, a NUL in a value.
        "POST /api/v1/session HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        "GET /api/v1/health HTTP/1.1\r\nhost: h\r\nx y: z\r\n\r\n",
        "GET /api/v1/health HTTP/1.1\r\nhost: h\r\nx : z\r\n\r\n",
        "GET /api/v1/health HTTP/1.1\r\nhost: h\r\nx: \0\r\n\r\n",
        "GET /api/v1/health\r\nx HTTP/1.1\r\nhost: h\r\n\r\n",
    ] {
        let (answer, _) = exchange(address, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{request:?}: {answer}");
    }
    // What a request carries comes back in no header.
    let (answer, _) =
        exchange(address, b"GET /x%0d%0aset-cookie:%20evil=1 HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await;
    let head = answer.split("\r\n\r\n").next().unwrap();
    assert!(!head.to_lowercase().contains("set-cookie"), "{head}");
}

/// 8 MiB of zeros in 8 KiB; what is taken is 1 MiB.
fn bomb() -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    (0..8).for_each(|_| packed.write_all(&[0; 1 << 20]).unwrap());
    packed.finish().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[tokio::test]
async fn zip_bomb_is_refused_and_a_packed_body_within_bounds_is_taken() {
    let house = House::shop().await;
    let send = |encoding: &'static str, bytes: Vec<u8>| {
        let request = Request::post("/api/v1/manifests?dry_run=true")
            .header("authorization", format!("Bearer {}", house.tokens["ana"]))
            .header("content-type", "application/yaml")
            .header("content-encoding", encoding);
        house.send(request.body(Body::from(bytes)).unwrap())
    };
    let packed = bomb();
    assert!(packed.len() < 10_000, "{}", packed.len());
    send("gzip", packed).await.problem(413, "too-large");
    // Packed twice it unpacks to a bomb, which is then just bytes and no manifest.
    assert!((400..500).contains(&send("gzip", gzip(&bomb())).await.status));
    send("gzip, gzip", gzip(b"x")).await.problem(415, "content-encoding");
    send("br", b"x".to_vec()).await.problem(415, "content-encoding");
    send("gzip", b"no gzip".to_vec()).await.problem(400, "malformed-gzip");
    let mut tail = gzip(b"x");
    tail.push(0);
    send("gzip", tail).await.problem(400, "malformed-gzip");
    send("gzip", gzip(house.organisation().as_bytes())).await.ok();
    send("identity", house.organisation().into_bytes()).await.ok();
}

#[tokio::test]
async fn the_page_allows_nothing_inline_and_its_nonce_is_fresh() {
    let house = House::empty().await;
    let page = || house.send(Request::get("/").body(Body::empty()).unwrap());
    let (first, second) = (page().await, page().await);
    let policy = |got: &Got| got.headers["content-security-policy"].to_str().unwrap().to_owned();
    assert!(!policy(&first).contains("unsafe") && policy(&first).contains("default-src 'none'"), "{}", policy(&first));
    assert_ne!(policy(&first), policy(&second));
    assert_eq!(first.headers["cache-control"], "no-store");
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(first.headers[name], value);
    }
    assert!(!first.headers.contains_key("strict-transport-security"), "over plain HTTP it would lie");
}

#[tokio::test]
async fn behind_tls_the_cookie_is_the_hosts_and_tls_is_demanded() {
    let house = House::shop().await;
    let behind = router(App::new(house.engine.clone(), options(Exposure::default(), true)));
    let body = json!({ "login": "ana", "password": PASSWORD }).to_string();
    let request =
        Request::post("/api/v1/session").header("content-type", "application/json").body(Body::from(body)).unwrap();
    let answer = behind.clone().oneshot(request).await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("__Host-interlock_session=") && cookie.contains("; Secure"), "{cookie}");
    assert!(answer.headers()["strict-transport-security"].to_str().unwrap().starts_with("max-age=31536000"));
    // A cookie of the plain name, which another host of the domain could have set, is not looked at.
    let secret = cookie.split(['=', ';']).nth(1).unwrap();
    let request =
        |cookie: String| Request::get("/api/v1/session").header("cookie", cookie).body(Body::empty()).unwrap();
    let plain = behind.clone().oneshot(request(format!("interlock_session={secret}"))).await.unwrap();
    assert_eq!(plain.status(), 401);
    assert_eq!(behind.oneshot(request(format!("__Host-interlock_session={secret}"))).await.unwrap().status(), 200);
}

#[tokio::test]
async fn session_fixation_a_secret_that_was_there_before_is_never_a_session() {
    let house = House::shop().await;
    let sign_in = |cookie: String| {
        let house = &house;
        async move {
            let body = Some(json!({ "login": "ana", "password": PASSWORD }));
            let got = house.raw("POST", "/session", &[("cookie", &cookie)], body).await;
            got.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
        }
    };
    let first = sign_in("interlock_session=planted".into()).await;
    assert_ne!(first, "interlock_session=planted");
    house.raw("GET", "/session", &[("cookie", "interlock_session=planted")], None).await.problem(401, "not-signed-in");
    house.raw("GET", "/session", &[("cookie", &first)], None).await.ok();
    let second = sign_in(first.clone()).await;
    assert_ne!(first, second);
    house.raw("GET", "/session", &[("cookie", &first)], None).await.problem(401, "not-signed-in");
    house.raw("GET", "/session", &[("cookie", &second)], None).await.ok();
}

const PROVIDER: &str = "apiVersion: interlock/v1\nkind: IdentityProvider\nmetadata: {name: corporate}\nspec: {title: C, issuer: 'http://169.254.169.254', client_id: x}\n";

#[tokio::test]
async fn ssrf_an_identity_provider_at_a_metadata_address_is_never_entered_nor_called() {
    let house = House::shop().await;
    house.apply("ana", PROVIDER).await.problem(422, "issuer-address");
    house.apply("ana", &PROVIDER.replace("http://", "https://")).await.ok();
    let begun = Instant::now();
    house.raw("GET", "/session/providers/corporate", &[], None).await.problem(503, "unavailable");
    assert!(begun.elapsed() < Duration::from_secs(2), "it was tried to connect");
}

#[tokio::test]
async fn open_redirect_the_way_back_is_a_path_of_the_page() {
    let house = House::shop().await;
    house.apply("ana", &PROVIDER.replace("http://169.254.169.254", "https://login.invalid")).await.ok();
    for to in [
        "https://evil.example",
        "//evil.example",
        "/%5Cevil.example",
        "%5C%5Cevil.example",
        "javascript:x",
        "",
        "/a%0d%0ab",
    ] {
        let path = format!("/session/providers/corporate?to={to}");
        house.raw("GET", &path, &[], None).await.problem(422, "return-path");
    }
}

#[tokio::test]
async fn who_stands_behind_a_proxy_is_believed_only_of_proxies_that_are_named() {
    let house = House::shop().await;
    let proxies = vec!["127.0.0.1".parse().unwrap()];
    let exposures = [Exposure::default(), Exposure { proxies, outbound: Guard::strict(), ..Exposure::default() }];
    for (exposure, separate) in exposures.into_iter().zip([false, true]) {
        let app = router(App::new(house.engine.clone(), options(exposure, false)));
        let attempt = |from: &'static str| {
            let body = json!({ "login": "ana", "password": "wrong, on purpose" }).to_string();
            let mut request = Request::post("/api/v1/session")
                .header("content-type", "application/json")
                .header("x-forwarded-for", format!("203.0.113.99, {from}"))
                .body(Body::from(body))
                .unwrap();
            let peer = axum::extract::ConnectInfo::<SocketAddr>(([127, 0, 0, 1], 5).into());
            request.extensions_mut().insert(peer);
            app.clone().oneshot(request)
        };
        for _ in 0..5 {
            assert_eq!(attempt("198.51.100.1").await.unwrap().status(), 401);
        }
        assert_eq!(attempt("198.51.100.1").await.unwrap().status(), 429);
        let other = attempt("198.51.100.2").await.unwrap().status();
        assert_eq!(other, if separate { 401 } else { 429 });
    }
}
