use super::*;
use countersign_authn::session::seal::Sealer;
use countersign_authn::session::{Scope, SessionRecord};
use countersign_core::secret::Secret;
use countersign_edge::log::Format;
use countersign_edge::sessions::SessionSettings;
use countersign_edge::store::memory::{Limits, MemoryStore};
use countersign_testkit::world::World;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ISSUER: &str = "https://op.test";

struct Room {
    keeper: Arc<SessionKeeper>,
    log: Log,
    lines: Arc<Mutex<Vec<String>>>,
    world: World,
}

impl Room {
    fn new() -> Self {
        let world = World::new();
        let ports = world.ports();
        let store = MemoryStore::new(Limits::default(), Arc::clone(&ports.clock));
        let sealer = Arc::new(Sealer::draw(&*ports.entropy));
        let (log, lines) = Log::memory(Format::Json);
        Self {
            keeper: SessionKeeper::new(&ports, Arc::new(store), SessionSettings::default(), sealer),
            log,
            lines,
            world,
        }
    }

    async fn login(&self, subject: &str) -> String {
        let now = self.world.ports().clock.now();
        let record = SessionRecord {
            login: "login.home".into(),
            issuer: ISSUER.into(),
            client_id: "client".into(),
            host: "app.test".into(),
            began: now.wall,
            ends: now.wall.plus(Duration::from_hours(9)),
            idle: Duration::from_hours(1),
            remember: true,
            claims: format!("{{\"sub\":\"{subject}\"}}").into(),
            sid: Some(format!("sid-{subject}").into()),
            id_token: Some(Secret::new("TOKEN-id".into())),
            access_token: Some(Secret::new("TOKEN-access".into())),
            access_ends: None,
            refresh_token: Some(Secret::new("TOKEN-refresh".into())),
            renewed: now.wall,
        };
        let scope = Scope::of(ISSUER, "client", "app.test");
        let (id, _) = self.keeper.begin(record, scope, None, now).await.unwrap();
        id.to_text()
    }

    async fn ask(&self, text: &str) -> Result<Value, String> {
        let now = self.world.ports().clock.now().wall;
        run(&self.keeper, &self.log, text, now).await
    }
}

fn subjects(value: &Value) -> Vec<&str> {
    let sessions = value["sessions"].as_array().unwrap().iter();
    sessions.map(|one| one["subject"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn sessions_are_listed_by_user_by_sid_by_name_and_all() {
    let room = Room::new();
    let ids = [room.login("ann").await, room.login("bob").await];
    let all = room.ask(r#"{"do":"list","which":"all"}"#).await.unwrap();
    let mut names = subjects(&all);
    names.sort_unstable();
    assert_eq!(names, ["ann", "bob"]);
    let text = all.to_string();
    assert!(!text.contains("TOKEN"), "{text}");
    assert!(ids.iter().all(|id| !text.contains(id)), "{text}");
    let of_ann = room
        .ask(r#"{"do":"list","which":{"user":["https://op.test","ann"]}}"#)
        .await
        .unwrap();
    assert_eq!(subjects(&of_ann), ["ann"]);
    let elsewhere = room
        .ask(r#"{"do":"list","which":{"user":["https://other.test","ann"]}}"#)
        .await
        .unwrap();
    assert!(subjects(&elsewhere).is_empty());
    let by_sid = room
        .ask(r#"{"do":"list","which":{"sid":["https://op.test","sid-bob"]}}"#)
        .await
        .unwrap();
    assert_eq!(subjects(&by_sid), ["bob"]);
    let name = of_ann["sessions"][0]["name"].as_str().unwrap();
    let one = room
        .ask(&format!("{{\"do\":\"list\",\"which\":{{\"name\":\"{name}\"}}}}"))
        .await
        .unwrap();
    assert_eq!(one["sessions"], of_ann["sessions"]);
}

#[tokio::test]
async fn sessions_are_revoked_and_the_log_says_so() {
    let room = Room::new();
    for subject in ["ann", "ann", "bob", "eve"] {
        room.login(subject).await;
    }
    let ended = |value: Result<Value, String>| value.unwrap()["ended"].as_u64().unwrap();
    let by_user = r#"{"do":"revoke","which":{"user":["https://op.test","ann"]}}"#;
    assert_eq!(ended(room.ask(by_user).await), 2);
    assert_eq!(ended(room.ask(by_user).await), 0);
    let left = room
        .ask(r#"{"do":"list","which":{"user":["https://op.test","bob"]}}"#)
        .await
        .unwrap();
    let name = left["sessions"][0]["name"].as_str().unwrap();
    let by_name = format!("{{\"do\":\"revoke\",\"which\":{{\"name\":\"{name}\"}}}}");
    assert_eq!(ended(room.ask(&by_name).await), 1);
    assert_eq!(ended(room.ask(r#"{"do":"revoke","which":"all"}"#).await), 1);
    let lines = room.lines.lock().unwrap();
    let first: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(first["event"], "audit");
    assert_eq!(first["action"], "revoked");
    assert_eq!(first["who"], "ann");
    assert_eq!(first["issuer"], ISSUER);
    assert_eq!(first["detail"], "session revoke of a user: 2 ended");
    let by_name: Value = serde_json::from_str(&lines[3]).unwrap();
    assert_eq!(by_name["who"], "bob", "{by_name}");
    assert_eq!(by_name["issuer"], ISSUER);
    assert_eq!(by_name["login"], "login.home");
    assert_eq!(by_name["host"], "app.test");
    assert_eq!(by_name["detail"], format!("session revoke {name}: 1 ended"));
}

#[tokio::test]
async fn what_is_no_command_is_refused() {
    let room = Room::new();
    for text in [
        "",
        "{}",
        r#"{"do":"list"}"#,
        r#"{"do":"print","which":"all"}"#,
        r#"{"do":"revoke","which":"none"}"#,
        r#"{"do":"revoke","which":{"user":["ann"]}}"#,
        r#"{"do":"list","which":"all","tokens":true}"#,
    ] {
        assert!(room.ask(text).await.is_err(), "{text}");
    }
}

#[test]
fn a_command_is_written_as_it_is_read() {
    for which in [
        Which::All,
        Which::Name("0".into()),
        Which::User("i".into(), "s \"\n".into()),
        Which::Sid("i".into(), "s".into()),
    ] {
        let command = SessionCommand {
            verb: Do::Revoke,
            which,
        };
        let text = serde_json::to_string(&command).unwrap();
        assert!(!text.contains('\n'));
        assert_eq!(serde_json::from_str::<SessionCommand>(&text).unwrap(), command);
    }
}
