use super::*;
use countersign_core::certificate::ClientCertificate;
use countersign_core::gate::{Host, Scheme, Target, Unreadable};
use countersign_core::reason::UnreadableReason;
use countersign_core::request::Forwarder;
use countersign_core::time::{Monotonic, Timestamp};

fn now(milliseconds: u64) -> Now {
    Now {
        wall: Timestamp::from_seconds(1_893_456_000),
        monotonic: Monotonic::from_milliseconds(milliseconds),
    }
}

fn head(traceparent: &str) -> Parts {
    http::Request::builder()
        .header("traceparent", traceparent)
        .body(())
        .unwrap()
        .into_parts()
        .0
}

/// The line of an observation, in both formats.
fn lines(observation: &Observation) -> (String, serde_json::Value) {
    let said = |format| {
        let (log, lines) = Log::memory(format);
        let observer = Observer::new(Arc::new(log), Arc::default());
        let peer = Peer::at("10.0.0.1".parse().unwrap());
        observer.observe(
            observation,
            StatusCode::FORBIDDEN,
            &peer,
            Duration::from_millis(7),
        );
        let mut lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 1);
        lines.remove(0)
    };
    (
        said(Format::Human),
        serde_json::from_str(&said(Format::Json)).unwrap(),
    )
}

#[test]
fn a_request_leaves_one_line_without_its_query() {
    let mut observation = Observation::new(RequestId(7), now(5), &head("junk"), true);
    observation.asked(&OriginalRequest {
        id: RequestId(7),
        method: Method::GET,
        scheme: Scheme::Https,
        host: Host::judge("app.test").unwrap(),
        target: Target::judge("/a%20b?token=secret").unwrap(),
        client: Some("203.0.113.9".parse().unwrap()),
        headers: http::HeaderMap::new(),
        forwarder: Forwarder::Another,
        certificate: ClientCertificate::default(),
    });
    observation.unread(&Unread::Unreadable(Unreadable::new(
        UnreadableReason::HostMismatch,
        "came \"a b\"\n\x1b[2J",
    )));
    let (human, json) = lines(&observation);
    assert_eq!(
        human,
        "2030-01-01T00:00:00.007Z unreadable host_mismatch status=403 method=GET host=app.test path=/a%20b \
         client=203.0.113.9 peer=10.0.0.1 ms=7 request_id=00000000000000000000000000000007 \
         detail=\"came \\\"a b\\\"\\u000a\\u001b[2J\""
    );
    assert_eq!(
        (
            json["event"].as_str(),
            json["status"].as_u64(),
            json["ms"].as_u64()
        ),
        (Some("decision"), Some(403), Some(7))
    );
    assert_eq!(json["detail"], "came \"a b\"\n\x1b[2J");
    assert!(json.get("route").is_none() && !json.to_string().contains("secret"));
}

#[test]
fn a_long_value_is_cut_between_characters() {
    let mut observation = Observation::new(RequestId(7), now(5), &head("junk"), true);
    observation.unread(&Unread::Unreadable(Unreadable::new(
        UnreadableReason::HostMismatch,
        "é".repeat(5000) + "x",
    )));
    let (human, json) = lines(&observation);
    assert!(human.len() < 1400);
    assert_eq!(json["detail"].as_str().unwrap().chars().count(), 512);
}

#[test]
fn only_a_well_formed_traceparent_is_repeated() {
    let check = |text: &str, expect: bool| {
        let (human, _) = lines(&Observation::new(RequestId(7), now(5), &head(text), true));
        assert_eq!(human.contains("traceparent="), expect, "{text}");
    };
    check("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true);
    for wrong in [
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4bf92f3577b34da6a3ce929d0e0e473\"-00f067aa0ba902b7-01",
        "",
    ] {
        check(wrong, false);
    }
}

#[test]
fn a_request_without_a_line_is_counted_all_the_same() {
    let metrics = Arc::new(Metrics::new());
    let (log, lines) = Log::memory(Format::Human);
    let observer = Observer::new(Arc::new(log), Arc::clone(&metrics));
    let observation = Observation::new(RequestId(7), now(5), &head("junk"), false);
    observer.observe(
        &observation,
        StatusCode::OK,
        &Peer::unix(),
        Duration::from_millis(5),
    );
    assert!(lines.lock().unwrap().is_empty());
    assert!(
        metrics
            .render()
            .contains("outcome=\"unreadable\",reason=\"not_found\"} 1")
    );
}
