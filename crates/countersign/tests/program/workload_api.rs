//! The program and an agent on the same machine: trust bundles come and go while it runs.

use crate::gateway::{Client, Folder, Gateway};
use agent::{Agent, Told};
use countersign_testkit::keys::TestKey;
use countersign_testkit::tokens::Token;
use serde_json::{Value, json};

/// The agent that the edge's own tests talk to.
#[path = "../../../edge/src/workload_api/tests/agent.rs"]
#[expect(dead_code, reason = "the edge's tests ask it for more")]
mod agent;

const CONFIG: &str = "config = 1\n\n[[listen]]\naddress = \"127.0.0.1:0\"\nspeak = \"check\"\n\n[jwt_svid.mesh]\n\
    trust_domain = \"example.org\"\naudiences = [\"api\"]\nworkload_api = \"unix:FOLDER/agent.sock\"\n\n\
    [[route]]\nendpoint = \"/auth\"\naccept = \"jwt_svid.mesh\"\n";

/// What SPIRE tells of the keys `names`.
fn keys(names: &[&str]) -> Told {
    let keys = names.iter().map(|name| {
        let mut key = TestKey::named(name).unwrap().jwk();
        key.remove("use");
        Value::Object(key)
    });
    let set = json!({ "keys": keys.collect::<Vec<_>>() });
    Told {
        jwt: vec![("spiffe://example.org", set.to_string().into_bytes())],
        ..Told::default()
    }
}

/// The status for joe's JWT-SVID, signed with the key of that name.
fn asked(client: &mut Client, key: &str) -> u16 {
    let mut token = Token::of("joe").unwrap();
    token.change("key", key).unwrap();
    token.change("with", r#"{"iat":0,"exp":253402300799}"#).unwrap();
    client.send("/auth", &format!("Authorization: Bearer {}\r\n", token.compact()));
    client.answer().unwrap().0
}

/// Asks until that is the answer. Each question takes its time, and nothing else does.
fn becomes(client: &mut Client, key: &str, status: u16) {
    let mut answers = (0..100_000).map(|_| asked(client, key));
    assert!(
        answers.any(|answer| answer == status),
        "{key} never gets {status}"
    );
}

#[test]
fn keys_are_taken_as_the_agent_tells_them_and_stay_while_it_is_away() {
    let folder = Folder::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let socket = folder.0.join("agent.sock");
    let agent = Agent::at(&socket, keys(&["rsa-1"]));
    let config = folder.write("a.toml", CONFIG.replace("FOLDER", folder.0.to_str().unwrap()));
    let mut gateway = Gateway::start(&folder, &config);
    let mut client = Client::tcp(gateway.listening());
    assert_eq!(
        asked(&mut client, "rsa-1"),
        200,
        "the first request waits for the first answer"
    );
    assert_eq!(asked(&mut client, "rsa-2"), 401);
    agent.tell(keys(&["rsa-2", "ec-256"]));
    becomes(&mut client, "rsa-2", 200);
    assert_eq!(asked(&mut client, "rsa-1"), 401);
    drop(agent);
    gateway.line("the last that were told stay in force");
    assert_eq!(asked(&mut client, "ec-256"), 200);
    // Another configuration that watches the same trust domain begins with what is known.
    std::fs::write(
        &config,
        CONFIG.replace("FOLDER", folder.0.to_str().unwrap()) + "require = {}\n",
    )
    .unwrap();
    gateway.takes();
    assert_eq!(asked(&mut client, "ec-256"), 200);
    let _agent = Agent::at(&socket, keys(&["rsa-1"]));
    becomes(&mut client, "rsa-1", 200);
    gateway.line("are told again");
    assert_eq!(asked(&mut client, "ec-256"), 401);
}
