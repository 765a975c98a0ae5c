//! How a client cuts its first message up is its own affair: the host that it names is found all the same.

use super::gateway::{Folder, Gateway, free};
use super::tls::{Pki, config, openssl};
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// How a client's first record goes on.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// As it is, byte by byte.
    Bytes,
    /// In records of so many bytes.
    Records(usize),
}

/// The first record of a connection, which holds the ClientHello, cut up.
fn pieces(record: &[u8], cut: Cut) -> Vec<Vec<u8>> {
    match cut {
        Cut::Bytes => record.chunks(1).map(<[u8]>::to_vec).collect(),
        Cut::Records(most) => {
            let (head, message) = record.split_at(5);
            let one = |piece: &[u8]| {
                let length = u16::try_from(piece.len()).unwrap().to_be_bytes();
                [&head[..3], &length, piece].concat()
            };
            message.chunks(most).map(one).collect()
        }
    }
}

/// Takes one connection on to `to`, its first record cut up.
fn relay(listener: &TcpListener, to: SocketAddr, cut: Cut) {
    let (mut client, _) = listener.accept().unwrap();
    let mut server = TcpStream::connect(to).unwrap();
    server.set_nodelay(true).unwrap();
    let (mut answers, mut asked) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    thread::scope(|scope| {
        scope.spawn(move || {
            // Either side may end first.
            drop(io::copy(&mut answers, &mut asked));
            drop(asked.shutdown(Shutdown::Write));
        });
        let mut record = vec![0; 5];
        client.read_exact(&mut record).unwrap();
        assert_eq!(record[0], 22, "a message of a handshake");
        let length = u16::from_be_bytes([record[3], record[4]]);
        record.resize(5 + usize::from(length), 0);
        client.read_exact(&mut record[5..]).unwrap();
        assert_eq!(record[5], 1, "a ClientHello");
        let pieces = pieces(&record, cut);
        assert!(pieces.len() > 1);
        for piece in pieces {
            server.write_all(&piece).unwrap();
        }
        drop(io::copy(&mut client, &mut server));
        drop(server.shutdown(Shutdown::Write));
    });
}

/// Attack 148, end to end: no host of its own is chosen for a name that comes in several records.
#[test]
fn a_first_message_in_pieces_is_answered_for_the_host_it_names() {
    let folder = Folder::new();
    let _pki = Pki::new(&folder);
    let at = free();
    let config = folder.write("a.toml", config(at, &["app", "other"]));
    let mut gateway = Gateway::start(&folder, &config);
    gateway.line("listening");
    let cuts = [1, 3, 50, 200].map(Cut::Records);
    for cut in cuts.into_iter().chain([Cut::Bytes]) {
        for version in ["-tls1_2", "-tls1_3"] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let relayed = listener.local_addr().unwrap();
            let said = thread::scope(|scope| {
                scope.spawn(|| relay(&listener, at, cut));
                openssl(&folder, relayed, "other.test", &[version])
            });
            assert!(
                said.contains("Verify return code: 0 (ok)") && said.contains("HTTP/1.1 200 OK"),
                "{cut:?} {version}: {said}"
            );
            assert!(
                said.contains("subject=CN = other.test"),
                "{cut:?} {version}: {said}"
            );
        }
    }
}
