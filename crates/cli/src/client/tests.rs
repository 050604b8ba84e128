//! How addresses and queries are written, and what answers mean.

use super::*;

#[test]
fn segments_and_queries_are_escaped() {
    assert_eq!(segment("sha256:00ab"), "sha256:00ab");
    assert_eq!(segment("a b/ü"), "a%20b%2F%C3%BC");
    assert_eq!(query(&[("a", None), ("b", Some("x&y".into())), ("c", Some("1".into()))]), "?b=x%26y&c=1");
    assert_eq!(query(&[("a", None)]), "");
}

#[test]
fn an_answer_tells_refusals_bugs_and_strangers_apart() {
    let problem = |status: u16| format!(r#"{{"type":"t","title":"T","status":{status},"detail":"no","code":"c"}}"#);
    for (status, text, code) in [
        (409, problem(409), 1),
        (422, problem(422), 1),
        (503, problem(503), 4),
        (500, problem(500), 70),
        (404, "<html>".into(), 4),
    ] {
        assert_eq!(failure_of(status, &text).exit_code(), code, "{status}");
    }
}

#[test]
fn an_event_is_read_as_the_standard_says() {
    let event = ServerEvent::parse(": a comment\nevent: entries\nid: 7\ndata: {\"a\":\ndata: 1}");
    assert_eq!(event, ServerEvent { event: "entries".into(), id: "7".into(), data: "{\"a\":\n1}".into() });
}

#[tokio::test]
async fn nobody_listening_is_unreachable_and_a_strange_address_wrong_usage() {
    let client = Client::new("http://127.0.0.1:9", Auth::Nobody).unwrap().with_tries(1);
    assert_eq!(client.get::<Value>("/health").await.unwrap_err().exit_code(), 4);
    assert_eq!(Client::new("ftp://x", Auth::Nobody).err().unwrap().exit_code(), 2);
    assert_eq!(Client::new("not an address", Auth::Nobody).err().unwrap().exit_code(), 2);
}
