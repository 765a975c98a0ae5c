//! The first message of a client, cut into pieces in every way, and with every odd name.

use super::*;
use rustls::ClientConnection;
use std::sync::Arc;
use tokio::io::DuplexStream;

/// The message of `record`, in records of `size` bytes each.
fn in_records(record: &[u8], size: usize) -> Vec<u8> {
    let pieces = record[5..].chunks(size).map(|piece| {
        let length = u16::try_from(piece.len()).unwrap().to_be_bytes();
        [&[22, 3, 1], length.as_slice(), piece].concat()
    });
    pieces.collect::<Vec<_>>().concat()
}

/// Shakes hands with `first` for the client's first message; the certificate that was shown.
async fn shake(mut client: ClientConnection, stream: &mut DuplexStream, first: &[&[u8]]) -> Vec<u8> {
    for piece in first {
        stream.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut buffer = vec![0; 64 * 1024];
    while client.is_handshaking() {
        let read = stream.read(&mut buffer).await.unwrap();
        let mut bytes = &buffer[..read];
        while !bytes.is_empty() {
            client.read_tls(&mut bytes).unwrap();
            client.process_new_packets().unwrap();
        }
        let mut answer = Vec::new();
        client.write_tls(&mut answer).unwrap();
        stream.write_all(&answer).await.unwrap();
    }
    client.peer_certificates().unwrap()[0].to_vec()
}

/// Which host's certificate is shown when the first message is what `cut` makes of it.
async fn chosen(identities: &[Identity], hosts: &TlsHosts, cut: impl FnOnce(&[u8]) -> Vec<Vec<u8>>) -> usize {
    let name = "second.test".try_into().unwrap();
    let mut client = ClientConnection::new(Arc::new(pki::client(&[])), name).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    let pieces = cut(&hello);
    let pieces = pieces.iter().map(Vec::as_slice).collect::<Vec<_>>();
    let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
    let (server, shown) = tokio::join!(accept(ours, hosts), shake(client, &mut theirs, &pieces));
    server.unwrap();
    let place = identities
        .iter()
        .position(|identity| identity.der().as_ref() == shown);
    place.unwrap()
}

#[tokio::test]
async fn a_hello_in_pieces_is_the_same_hello() {
    let (identities, hosts) = hosts(&[&["first.test"], &["second.test"]]);
    let mut length = 0;
    let whole = chosen(&identities, &hosts, |hello| {
        length = hello.len();
        vec![hello.to_vec()]
    });
    assert_eq!(whole.await, 1);
    let bytes = |hello: &[u8]| hello.iter().map(|byte| vec![*byte]).collect();
    assert_eq!(chosen(&identities, &hosts, bytes).await, 1, "byte by byte");
    for size in [1, 2, 3, 4, 5, 50, 100, 500, 1000] {
        let cut = |hello: &[u8]| vec![in_records(hello, size)];
        assert_eq!(chosen(&identities, &hosts, cut).await, 1, "records of {size}");
    }
    // A cut before each byte of what is not the bulk of the key exchange.
    for at in (1..length).filter(|at| *at < 300 || length - at < 300) {
        let cut = |hello: &[u8]| vec![hello[..at].to_vec(), hello[at..].to_vec()];
        assert_eq!(chosen(&identities, &hosts, cut).await, 1, "cut at {at}");
        let cut = |hello: &[u8]| {
            let at = at.clamp(6, hello.len() - 1);
            let message = &hello[5..];
            let (one, other) = message.split_at(at - 5);
            let record = |piece: &[u8]| in_records(&[&[0; 5], piece].concat(), 16_000);
            vec![[record(one), record(other)].concat()]
        };
        assert_eq!(
            chosen(&identities, &hosts, cut).await,
            1,
            "two records, the second from {at}"
        );
    }
}

fn counted(bytes: &[u8]) -> Vec<u8> {
    [
        u16::try_from(bytes.len()).unwrap().to_be_bytes().as_slice(),
        bytes,
    ]
    .concat()
}

/// The beginning of TLS 1.2, in which certificates are shown in the clear, with this list of names.
fn hello(names: Option<&[u8]>) -> Vec<u8> {
    let extension = |kind: u16, content: &[u8]| [kind.to_be_bytes().as_slice(), &counted(content)].concat();
    let mut extensions = [
        extension(10, &counted(&[0, 0x1d, 0, 0x17])),
        extension(11, &[1, 0]),
        extension(13, &counted(&[4, 3, 8, 4])),
    ]
    .concat();
    extensions.extend(names.iter().flat_map(|names| extension(0, &counted(names))));
    let suites = counted(&[0xc0, 0x2b, 0xc0, 0x2f]);
    let body = [
        &[3, 3],
        [7; 32].as_slice(),
        &[0],
        &suites,
        &[1, 0],
        &counted(&extensions),
    ]
    .concat();
    let message = [&[1, 0], counted(&body).as_slice()].concat();
    [&[22, 3, 1], counted(&message).as_slice()].concat()
}

/// One name of a list, of this kind.
fn name(kind: u8, name: &[u8]) -> Vec<u8> {
    [&[kind], counted(name).as_slice()].concat()
}

/// Which host's certificate is shown for this list of names; `None` for an alert.
async fn shown_for(identities: &[Identity], hosts: &TlsHosts, names: Option<&[u8]>) -> Option<usize> {
    let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
    let client = async {
        theirs.write_all(&hello(names)).await.unwrap();
        let mut said = Vec::new();
        // An alert, or all up to ServerHelloDone.
        while said.first() != Some(&21) && !said.ends_with(&[14, 0, 0, 0]) {
            theirs.read_buf(&mut said).await.unwrap();
        }
        drop(theirs);
        said
    };
    let (server, said) = tokio::join!(accept(ours, hosts), client);
    assert!(server.is_err(), "nobody finishes it");
    let shows = |identity: &Identity| {
        let der = identity.der();
        said.windows(der.len()).any(|window| window == der.as_ref())
    };
    let place = identities.iter().position(shows);
    assert_eq!(
        place.is_none(),
        said[0] == 21,
        "a certificate or an alert: {said:?}"
    );
    place
}

#[tokio::test]
async fn an_odd_name_is_a_host_by_the_rules_or_an_alert() {
    let (identities, hosts) = hosts(&[&["first.test"], &["second.test"], &["*.wide.test"]]);
    let label = "a".repeat(60);
    let deep = format!("{label}.{label}.{label}.wide.test");
    let over = format!("{label}.{label}.{label}.{label}.{label}.wide.test");
    assert!(deep.len() <= 253 && over.len() > 255);
    for (names, expected) in [
        (None, Some(0)),
        (Some(name(0, b"second.test")), Some(1)),
        (Some(name(0, b"SECOND.Test")), Some(1)),
        (Some(name(0, b"second.test.")), Some(1)),
        (Some(name(0, b"second.test..")), None),
        (Some(name(0, b"second.test\0.first.test")), None),
        (Some(name(0, b"second.test:443")), None),
        (Some(name(0, b"second test")), None),
        (Some(name(0, "sec\u{f6}nd.test".as_bytes())), None),
        (Some(name(0, b"other.test")), Some(0)),
        (Some(name(0, b"*.wide.test")), None),
        (Some(name(0, deep.as_bytes())), Some(2)),
        (Some(name(0, over.as_bytes())), None),
        (Some(name(0, b"127.0.0.1")), Some(0)),
        (Some(name(0, b"::1")), Some(0)),
        (Some(name(0, b"")), None),
        (Some(Vec::new()), None),
        (
            Some([name(0, b"second.test"), name(0, b"first.test")].concat()),
            None,
        ),
        (Some(name(7, b"second.test")), None),
    ] {
        let shown = shown_for(&identities, &hosts, names.as_deref()).await;
        let text = names.as_deref().map(String::from_utf8_lossy);
        assert_eq!(shown, expected, "{text:?}");
    }
}
