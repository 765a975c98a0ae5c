use super::*;

#[tokio::test]
async fn a_socket_that_systemd_did_not_hand_over_is_an_error() {
    let address = Address::Systemd("auth".into());
    let refused = Listener::bind(
        &address,
        &UnixAccess::default(),
        &mut SystemdSockets::default(),
        &[],
    );
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::NotFound);
    let refused = Listener::bind(
        &address,
        &UnixAccess::default(),
        &mut SystemdSockets::take("auth:other"),
        &[],
    );
    assert!(refused.is_err(), "named, but not there");
}

fn tcp(address: &str, leaving: &[&Listener]) -> io::Result<Listener> {
    let address = Address::parse(address).unwrap();
    Listener::bind(
        &address,
        &UnixAccess::default(),
        &mut SystemdSockets::default(),
        leaving,
    )
}

#[tokio::test]
async fn what_is_about_to_be_closed_is_not_in_the_way_and_everything_else_is() {
    let one = tcp("127.0.0.1:0", &[]).unwrap();
    let port = one.tcp_address().unwrap().port();
    let everywhere = format!("0.0.0.0:{port}");
    assert_eq!(
        tcp(&everywhere, &[]).unwrap_err().kind(),
        io::ErrorKind::AddrInUse
    );
    let all = tcp(&everywhere, &[&one]).unwrap();
    drop(one);
    let again = format!("127.0.0.1:{port}");
    assert_eq!(tcp(&again, &[]).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    assert!(tcp(&again, &[&all]).is_ok());
}
