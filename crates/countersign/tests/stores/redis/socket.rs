//! The same at a socket of this machine, and what goes wrong there alone.

use super::server::Server;
use super::{MINUTE, at, create, now, opened, until};
use countersign_core::session::{StoreError, Version};
use countersign_edge::store::redis::Settings;
use countersign_testkit::folder::Folder;
use countersign_testkit::store_suite::{Subject, record};

suite!();

fn subject() -> (Subject, Server) {
    let server = Server::at_a_socket();
    (Subject::by_itself(opened(server.at_its_socket()), now()), server)
}

fn unavailable(answer: Result<impl Sized, StoreError>, words: &str) {
    let Err(StoreError::Unavailable(why)) = answer else {
        panic!("it is answered");
    };
    assert!(why.starts_with("Redis at unix:///"), "{why}");
    assert!(why.contains(words) && !why.contains("horse"), "{why}");
}

#[tokio::test]
async fn databases_keep_apart_and_a_password_is_asked_for() {
    let server = Server::at_a_socket();
    let (store, settings) = (opened(server.at_its_socket()), server.at_its_socket());
    assert_eq!(create(&*store, 1, MINUTE).await, Ok(Version(1)));
    let other = opened(Settings {
        database: 2,
        ..settings.clone()
    });
    assert_eq!(other.load(&record(1), now()).await, Ok(None));
    let strange = opened(Settings {
        password: None,
        ..settings
    });
    unavailable(strange.load(&record(1), now()).await, "");
}

#[tokio::test]
async fn a_socket_nobody_listens_at_is_no_hindrance_to_the_start() {
    let folder = Folder::new();
    let path = folder.path("redis.sock");
    let store = opened(at(&format!("unix://{path}")));
    unavailable(store.load(&record(1), now()).await, "No such file");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    unavailable(store.load(&record(1), now()).await, "refused");
    folder.write("file", "");
    let file = opened(at(&format!("unix://{}", folder.path("file"))));
    unavailable(file.load(&record(1), now()).await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_goes_is_found_again_at_its_socket() {
    let mut server = Server::at_a_socket();
    let store = opened(server.at_its_socket());
    assert_eq!(create(&*store, 1, MINUTE).await, Ok(Version(1)));
    server.kill();
    unavailable(store.load(&record(1), now()).await, "");
    unavailable(create(&*store, 2, MINUTE).await, "");
    server.restart();
    until(async || create(&*store, 1, MINUTE).await == Ok(Version(1))).await;
}
