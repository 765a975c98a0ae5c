use super::*;
use crate::config::Severity;
use countersign_testkit::folder::Folder;
use countersign_testkit::world::World;

fn plan(store: StorePlan) -> SessionPlan {
    SessionPlan {
        needed: true,
        settings: SessionSettings::default(),
        store,
        sealer: None,
        place: None,
    }
}

fn memory() -> SessionPlan {
    plan(StorePlan::default())
}

fn keeper(ports: &Ports) -> Arc<SessionKeeper> {
    SessionKeeper::new(
        ports,
        Arc::new(NoSessions),
        SessionSettings::default(),
        Arc::new(Sealer::draw(&*ports.entropy)),
    )
}

#[tokio::test]
async fn without_a_login_nothing_is_opened_and_no_key_made() {
    let world = World::new();
    let opened = Opened::new(None);
    let none = SessionPlan {
        needed: false,
        ..memory()
    };
    let step = opened.prepare(&none, &world.ports()).await.unwrap();
    assert!(matches!(step, Step::Nothing));
    assert_eq!(world.ports().kept.load(KEY).await.unwrap(), None);
}

#[tokio::test]
async fn the_key_is_made_once_and_found_again() {
    let world = World::new();
    let ports = world.ports();
    let opened = Opened::new(None);
    let Step::Open(first) = opened.prepare(&memory(), &ports).await.unwrap() else {
        panic!("opened");
    };
    let kept = ports.kept.load(KEY).await.unwrap().unwrap();
    assert_eq!(kept.len(), 32);
    let Step::Open(again) = Opened::new(None).prepare(&memory(), &ports).await.unwrap() else {
        panic!("opened");
    };
    assert_eq!(first.sealer.first(), again.sealer.first());
}

#[tokio::test]
async fn a_store_stays_until_the_end_and_another_is_refused() {
    let (world, folder) = (World::new(), Folder::new());
    let ports = world.ports();
    let opened = Opened::new(Some(&folder.0));
    let keeper = keeper(&ports);
    let log = Log::memory(countersign_edge::log::Format::Human).0;
    let step = opened.prepare(&memory(), &ports).await.unwrap();
    assert!(!opened.is_open());
    opened.commit(step, &keeper, &log);
    assert!(opened.is_open());
    let step = opened.prepare(&memory(), &ports).await.unwrap();
    assert!(matches!(step, Step::Set(..)));
    let file = plan(StorePlan::File { path: None });
    let refused = opened.prepare(&file, &ports).await.unwrap_err();
    assert_eq!(refused.severity, Severity::Error);
    assert!(
        refused.message.contains("another store since the start: memory"),
        "{refused:?}"
    );
    assert!(refused.help.unwrap().contains("restart"));
}

#[tokio::test]
async fn a_file_is_in_the_state_folder_unless_it_is_named() {
    let (world, folder) = (World::new(), Folder::new());
    let file = plan(StorePlan::File { path: None });
    let nowhere = Opened::new(None)
        .prepare(&file, &world.ports())
        .await
        .unwrap_err();
    assert!(nowhere.message.contains("no state folder"), "{nowhere:?}");
    let step = Opened::new(Some(&folder.0)).prepare(&file, &world.ports()).await;
    assert!(matches!(step, Ok(Step::Open(_))), "{step:?}");
    assert!(folder.0.join(FILE).exists());
}

#[tokio::test]
async fn a_broken_key_loses_no_sessions_of_a_file_in_silence() {
    let (world, folder) = (World::new(), Folder::new());
    let ports = world.ports();
    ports.kept.save(KEY, b"short").await.unwrap();
    let file = plan(StorePlan::File { path: None });
    let opened = Opened::new(Some(&folder.0));
    let refused = opened.prepare(&file, &ports).await.unwrap_err();
    assert!(refused.message.contains("no key of 32 bytes"), "{refused:?}");
    opened.prepare(&memory(), &ports).await.unwrap();
}
