//! What is known of a browser, and what becomes of it where many write at once.

use super::*;
use crate::provider::signed_in::KeptChain;
use countersign_core::certificate::PresentedCertificate;

fn login(client_id: &str, auth_time: i64) -> KeptLogin {
    KeptLogin {
        client_id: client_id.into(),
        subject: "ann".into(),
        scope: "openid offline_access".into(),
        sid: "AAAAAAAAAAAAAAAAAAAAAA.0".into(),
        auth_time,
        chain: KeptChain::of(&PresentedCertificate::new([vec![1]]).unwrap()),
    }
}

fn at(hours: i64) -> Timestamp {
    minutes(hours * 60)
}

fn minutes(minutes: i64) -> Timestamp {
    Timestamp::from_seconds(minutes * 60)
}

/// Whether it is worth writing that a client logs in, whose being known ends so.
fn takes_in(known: &mut SignOns, client_id: &str, turn: Turn, ends: Timestamp) -> bool {
    known.take_in(&login(client_id, 1), 0, turn, ends)
}

fn at_client(id: &str, number: u64) -> AtClient {
    AtClient {
        id: id.into(),
        number,
        has_grant: true,
    }
}

/// The clients by name.
fn ids(known: &SignOns) -> Vec<&str> {
    known.clients.iter().map(|client| &*client.id).collect()
}

fn of(clients: &[&str]) -> SignOns {
    SignOns {
        subject: "ann".into(),
        clients: clients.iter().map(|id| at_client(id, 0)).collect(),
        ends: at(24).milliseconds(),
        auth_time: 1,
        number: 0,
        since: 0,
    }
}

#[test]
fn what_is_known_is_written_once_in_a_while() {
    let mut known = of(&["a"]);
    let soon = minutes(24 * 60 + 59);
    assert!(!takes_in(&mut known, "a", Turn::Login, soon));
    assert!(takes_in(&mut known, "b", Turn::Login, at(25)));
    let soon = minutes(25 * 60 + 59);
    assert!(!takes_in(&mut known, "b", Turn::Login, soon));
    assert!(!takes_in(&mut known, "a", Turn::Renewal, soon));
    assert!(takes_in(&mut known, "a", Turn::Renewal, at(26)));
    assert_eq!(ids(&known), ["a", "b"]);
    let anew = login("b", 2);
    assert!(known.take_in(&anew, 0, Turn::Login, at(26)));
    assert_eq!(known.auth_time, 2);
}

#[test]
fn the_last_login_says_whether_a_client_has_a_grant() {
    let mut known = of(&[]);
    let mut logs_in = |client_id: &str, scope: &str| {
        let login = KeptLogin {
            scope: scope.into(),
            ..login(client_id, 1)
        };
        let is_new = known.take_in(&login, 0, Turn::Login, at(25));
        let without = known.clients.iter().filter(|client| !client.has_grant);
        (
            is_new,
            without
                .map(|client| client.id.to_string())
                .collect::<Vec<_>>()
                .concat(),
        )
    };
    let with = "openid offline_access";
    let told = |is_new, without: &str| (is_new, without.to_owned());
    assert_eq!(logs_in("a", "openid"), told(true, "a"));
    assert_eq!(logs_in("a", "openid"), told(false, "a"));
    assert_eq!(logs_in("b", with), told(true, "a"));
    assert_eq!(logs_in("b", with), told(false, "a"));
    assert_eq!(logs_in("b", "openid"), told(true, "ab"));
    assert_eq!(logs_in("a", with), told(true, "b"));
    for number in 0..MAX_CLIENTS {
        drop(logs_in(&number.to_string(), "openid"));
    }
    assert!(known.clients.iter().all(|client| !client.has_grant));
}

#[test]
fn the_last_hundred_are_those_that_logged_their_user_in_last() {
    let mut known = of(&["first", "a"]);
    let number = |known: &mut SignOns, numbers: std::ops::Range<usize>| {
        for number in numbers {
            assert!(takes_in(known, &number.to_string(), Turn::Login, at(25)));
        }
    };
    number(&mut known, 0..97);
    assert!(!known.may_be_elsewhere());
    number(&mut known, 97..98);
    assert_eq!(known.clients.len(), MAX_CLIENTS);
    assert!(known.may_be_elsewhere());
    // It logs in again, and new tokens are no login.
    assert!(takes_in(&mut known, "first", Turn::Login, at(25)));
    assert!(!takes_in(&mut known, "a", Turn::Renewal, at(25)));
    number(&mut known, 98..99);
    assert_eq!(known.clients.len(), MAX_CLIENTS);
    assert_eq!(ids(&known)[0], "0");
    assert!(ids(&known).contains(&"first"));
    assert!(!ids(&known).contains(&"a"));
    assert!(!takes_in(&mut known, "a", Turn::Renewal, at(25)));
    known.clients.truncate(50);
    assert!(takes_in(&mut known, "a", Turn::Renewal, at(25)));
}

#[test]
fn one_sites_many_names_push_no_other_out() {
    let mut known = of(&["https://app.test", "grafana", "https://evil.test"]);
    for number in 0..300 {
        for id in [
            format!("https://{number}.evil.test"),
            format!("https://evil.test:{}", 1000 + number),
            format!("https://x.{number}.evil.test:8443"),
        ] {
            assert!(takes_in(&mut known, &id, Turn::Login, at(25)));
        }
    }
    assert_eq!(known.clients.len(), MAX_CLIENTS);
    assert!(known.may_be_elsewhere());
    for id in ["https://app.test", "grafana"] {
        assert!(ids(&known).contains(&id), "{id}");
    }
}

#[test]
fn a_login_is_as_old_as_the_session_unless_it_may_not_be() {
    let mut known = of(&["a"]);
    known.auth_time = 100_900;
    let told = |known: &SignOns, max_age: Option<u64>, now: i64| {
        let max_age = max_age.map(Duration::from_secs);
        let told = known.auth_time(max_age, Timestamp::from_milliseconds(now));
        told.map(Timestamp::milliseconds)
    };
    assert_eq!(told(&known, None, 1_000_000), Some(100_900));
    assert_eq!(told(&known, Some(60), 159_999), Some(100_900));
    assert_eq!(told(&known, Some(60), 160_000), None);
    assert_eq!(told(&known, None, 100_000), None, "the clock was set back");
    known.clients.clear();
    assert_eq!(told(&known, None, 1_000_000), None);
}

#[test]
fn what_is_over_makes_room_before_what_is_on() {
    let on = of(&["a"]);
    assert_eq!(standing(&on.bytes()).began, at(24));
    for value in [of(&[]).bytes(), b"{}".to_vec()] {
        assert_eq!(standing(&value), Standing::default());
    }
}

#[test]
fn a_session_is_called_what_none_before_it_was() {
    let mut known = of(&["a"]);
    known.number = 7;
    assert_eq!(known.number(at(1)), 7, "it goes on");
    known.clients.clear();
    assert_eq!(known.number(at(1)), 3_600_000);
    assert_eq!(SignOns::default().number(at(1)), 3_600_000, "nothing is known");
    known.since = 3_600_001;
    assert_eq!(known.number(at(1)), 3_600_001, "they have logged out just now");
    assert_eq!(known.number(at(-1)), 3_600_001, "the clock was set back");
}

#[test]
fn a_client_is_known_by_the_number_of_its_login() {
    let mut known = of(&["a"]);
    known.number = 7;
    known.clients[0].number = 7;
    let mut takes_in = |number, turn| {
        let is_new = known.take_in(&login("b", 1), number, turn, at(24));
        let clients = known.clients.iter();
        (is_new, clients.map(|client| client.number).collect::<Vec<_>>())
    };
    assert_eq!(takes_in(3, Turn::Renewal), (true, vec![7, 3]));
    assert_eq!(takes_in(3, Turn::Renewal), (false, vec![7, 3]));
    // It has logged its user in anew, and what it had goes on.
    assert_eq!(takes_in(7, Turn::Login), (true, vec![7, 3, 7]));
    assert_eq!(takes_in(3, Turn::Renewal), (false, vec![7, 3, 7]));
    assert!(known.is_of(3) && known.is_of(7) && !known.is_of(4));
    known.clients[1].number = 9_000_000;
    let over = known.over("ann", at(1), at(24));
    assert_eq!(over.number(at(1)), 9_000_001, "none that was is it again");
}

#[test]
fn what_cannot_be_read_is_as_if_there_were_nothing() {
    let former = br#"{"subject":"ann","number":7,"since":0,"clients":["a"],"auth_time":1,"ends":1}"#;
    assert!(serde_json::from_slice::<SignOns>(former).is_err());
    assert_eq!(standing(former), Standing::default());
}
