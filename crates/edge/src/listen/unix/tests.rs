use super::*;
use crate::fakes::Folder;
use crate::listen::{Address, Listener, SystemdSockets};
use countersign_core::peer::Peer;
use tokio::net::UnixStream;

fn bind(path: &Path, access: &UnixAccess) -> io::Result<Listener> {
    let address = Address::Unix(path.to_owned());
    Listener::bind(&address, access, &mut SystemdSockets::default(), &[])
}

#[tokio::test]
async fn a_unix_socket_has_its_mode_and_owner_and_goes_away_with_its_listener() {
    let folder = Folder::new("bind-mode");
    let path = folder.0.join("auth.sock");
    let owner = std::fs::metadata(&folder.0).unwrap().uid().to_string();
    let access = UnixAccess {
        mode: Some(0o620),
        owner: Some(owner.clone()),
    };
    let listener = bind(&path, &access).unwrap();
    let facts = std::fs::metadata(&path).unwrap();
    assert_eq!((facts.mode() & 0o777, facts.uid().to_string()), (0o620, owner));
    let client = UnixStream::connect(&path).await.unwrap();
    let (_, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, Peer::unix());
    drop((client, listener));
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced_and_one_in_use_is_not() {
    let folder = Folder::new("bind-stale");
    let path = folder.0.join("auth.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "left behind");
    let listener = bind(&path, &UnixAccess::default()).unwrap();
    let refused = bind(&path, &UnixAccess::default()).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
    assert!(
        UnixStream::connect(&path).await.is_ok(),
        "the first still listens"
    );
    drop(listener);
    std::fs::write(&path, "a file").unwrap();
    let refused = bind(&path, &UnixAccess::default()).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read(&path).unwrap(), b"a file");
}

#[tokio::test]
async fn an_owner_nobody_knows_leaves_nothing_behind() {
    let folder = Folder::new("bind-owner");
    let access = UnixAccess {
        mode: None,
        owner: Some("nobody-of-this-name:".into()),
    };
    assert!(bind(&folder.0.join("auth.sock"), &access).is_err());
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
}

#[test]
fn owners_are_names_or_numbers() {
    assert_eq!(ids("root:root").unwrap(), (Some(0), Some(0)));
    assert_eq!(ids("12:34").unwrap(), (Some(12), Some(34)));
    assert_eq!(ids("root").unwrap(), (Some(0), None));
    assert_eq!(ids(":0").unwrap(), (None, Some(0)));
    assert!(ids("root:no-such-group").is_err());
}

#[tokio::test]
async fn a_socket_gets_another_mode_where_it_stands_and_its_own_back() {
    let folder = Folder::new("bind-give");
    let path = folder.0.join("auth.sock");
    let listener = bind(&path, &UnixAccess::default()).unwrap();
    let mode = || std::fs::metadata(&path).unwrap().mode() & 0o777;
    let first = mode();
    let narrow = UnixAccess {
        mode: Some(0o600),
        owner: None,
    };
    listener.give(&narrow).unwrap();
    assert_eq!(mode(), 0o600);
    listener.give(&UnixAccess::default()).unwrap();
    assert_eq!(mode(), first);
    assert!(listener.is_there());
    std::fs::remove_file(&path).unwrap();
    assert!(!listener.is_there());
    assert!(listener.give(&narrow).is_err());
}

#[tokio::test]
async fn a_file_that_has_taken_the_place_of_a_socket_stays() {
    let folder = Folder::new("bind-other");
    let path = folder.0.join("auth.sock");
    let listener = bind(&path, &UnixAccess::default()).unwrap();
    std::fs::remove_file(&path).unwrap();
    let other = bind(&path, &UnixAccess::default()).unwrap();
    drop(listener);
    assert!(path.exists() && other.is_there());
    drop(other);
    assert!(!path.exists());
}

#[tokio::test]
async fn hundreds_of_connections_may_wait_to_be_accepted() {
    let folder = Folder::new("bind-burst");
    let path = folder.0.join("auth.sock");
    let listener = bind(&path, &UnixAccess::default()).unwrap();
    let limit = std::fs::read("/proc/sys/net/core/somaxconn").unwrap();
    let limit = String::from_utf8(limit).unwrap().trim().parse::<usize>().unwrap();
    let mut waiting = Vec::new();
    for _ in 0..limit.min(500) {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.connect(&SockAddr::unix(&path).unwrap()).unwrap();
        waiting.push(socket);
    }
    drop(listener);
}
