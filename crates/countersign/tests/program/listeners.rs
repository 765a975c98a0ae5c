//! Listeners that come, go and change while the program runs.

use super::gateway::{Client, Folder, Gateway, countersign, free, is_open};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// One route, and listeners at these addresses.
fn config(listeners: &[&str]) -> String {
    let mut text = "config = 1\n\n[[route]]\nendpoint = \"/auth\"\naccept = \"anonymous\"\n".to_owned();
    for address in listeners {
        write!(text, "\n[[listen]]\naddress = \"{address}\"\nspeak = \"check\"\n").unwrap();
    }
    text
}

/// A gateway with a configuration that can be changed.
struct Setting {
    folder: Folder,
    gateway: Gateway,
}

impl Setting {
    fn start(text: &str) -> Self {
        let folder = Folder::new();
        let file = folder.write("a.toml", text);
        let mut gateway = Gateway::start(&folder, &file);
        for _ in text.match_indices("address = ") {
            gateway.line("listening");
        }
        Self { folder, gateway }
    }

    fn takes(&self, text: &str) {
        self.folder.write("a.toml", text);
        self.gateway.takes();
    }

    fn refuses(&self, text: &str) -> String {
        self.folder.write("a.toml", text);
        self.gateway.refuses()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.0.join(name)
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn an_added_listener_is_bound_and_a_removed_one_closes_while_the_others_keep_their_connections() {
    let [stays, goes, comes] = [free(), free(), free()];
    let text = |addresses: [SocketAddr; 2]| {
        let [one, other] = addresses.map(|address| address.to_string());
        config(&[&one, &other])
    };
    let mut setting = Setting::start(&text([goes, stays]));
    let (mut kept, mut idle) = (Client::tcp(stays), Client::tcp(goes));
    assert_eq!((kept.ask("/auth"), idle.ask("/auth")), (Some(200), Some(200)));
    setting.takes(&text([stays, comes]));
    assert_eq!(kept.ask("/auth"), Some(200), "the same connection");
    assert_eq!(Client::tcp(stays).ask("/auth"), Some(200));
    assert_eq!(Client::tcp(comes).ask("/auth"), Some(200));
    assert_eq!(idle.answer(), None, "an idle connection ends");
    assert!(!is_open(goes));
    assert!(setting.gateway.line("listening").contains(&comes.to_string()));
    assert!(setting.gateway.line("closed").contains(&goes.to_string()));
}

#[test]
fn a_request_under_way_on_a_removed_listener_is_finished() {
    let application = TcpListener::bind("127.0.0.1:0").unwrap();
    let (goes, stays) = (free(), free());
    let text = |more: &str| {
        format!(
            "config = 1\n[[route]]\nhosts = \"*\"\naccept = \"anonymous\"\nto = \"http://{}\"\n\n[[listen]]\naddress = \
             \"{stays}\"\nspeak = \"reverse-proxy\"\n{more}",
            application.local_addr().unwrap()
        )
    };
    let more = format!("\n[[listen]]\naddress = \"{goes}\"\nspeak = \"reverse-proxy\"\n");
    let setting = Setting::start(&text(&more));
    let mut client = Client::tcp(goes);
    client.send("/slow", "");
    let (mut asked, _) = application.accept().unwrap();
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        asked.read_exact(&mut byte).unwrap();
        bytes.extend(byte);
    }
    // No longer than the text before, but not its beginning either: that would be taken for a file that was cut.
    setting.takes(&text("\n# one listener\n"));
    assert!(!is_open(goes));
    asked
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
        .unwrap();
    assert_eq!(client.answer(), Some((200, "done".to_owned())));
    assert_eq!(client.answer(), None, "and then the connection ends");
}

#[test]
fn under_load_no_request_to_a_listener_that_stays_fails_while_others_come_and_go() {
    let (stays, other) = (free(), free());
    let unix = std::env::temp_dir().join(format!("countersign-program-load-{}.sock", std::process::id()));
    let unix = format!("unix:{}", unix.display());
    let stays_text = stays.to_string();
    let with = |more: &[&str]| config(&[&[stays_text.as_str(), &unix], more].concat());
    let setting = Setting::start(&format!("{}\n[log]\nlevel = \"events\"\n", with(&[])));
    let path = unix.strip_prefix("unix:").map(Path::new).unwrap();
    let (stop, served) = (AtomicBool::new(false), AtomicU32::new(0));
    let load = |kept: bool, connect: &dyn Fn() -> Client| {
        let mut client = connect();
        for number in 0_u32.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            // Not for every request: a port of ours is not free again before a minute is over.
            if !kept && number % 16 == 0 {
                client = connect();
            }
            assert_eq!(client.ask("/auth"), Some(200), "a request failed under reload");
            served.fetch_add(1, Ordering::Relaxed);
        }
    };
    let load = &load;
    std::thread::scope(|scope| {
        let workers = [true, false].map(|kept| {
            let tcp = scope.spawn(move || load(kept, &|| Client::tcp(stays)));
            let unix = scope.spawn(move || load(kept, &|| Client::unix(path)));
            [tcp, unix]
        });
        // Whatever happens here, the workers are told to stop.
        let changed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let other = other.to_string();
            setting.takes(&format!(
                "{}\n[limits]\nidle = \"60s\"\n[log]\nlevel = \"events\"\n",
                with(&[&other])
            ));
            setting.takes(&format!(
                "{}\n[status]\naddress = \"{other}\"\n[log]\nlevel = \"events\"\n",
                with(&[])
            ));
            setting.takes(&format!(
                "{}\n[token_cache]\nentries = 5\n[log]\nlevel = \"events\"\n",
                with(&[])
            ));
        }));
        stop.store(true, Ordering::Relaxed);
        for worker in workers.into_iter().flatten() {
            worker.join().unwrap();
        }
        changed.unwrap();
    });
    assert!(served.load(Ordering::Relaxed) > 100, "there was load");
}

#[test]
fn where_one_address_cannot_be_had_everything_stays_as_it_was() {
    let (stays, comes, status) = (free(), free(), free());
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let held = holder.local_addr().unwrap();
    let before = format!(
        "{}\n[status]\naddress = \"{status}\"\n",
        config(&[&stays.to_string()])
    );
    let mut setting = Setting::start(&before);
    let file = setting.folder.write("file", "");
    let (socket, below) = (setting.path("a.sock"), file.join("b.sock"));
    let after = format!(
        "{}\n[log]\nformat = \"json\"\n[limits]\nconnections = 1\n",
        config(&[
            &comes.to_string(),
            &held.to_string(),
            &format!("unix:{}", socket.display()),
            &format!("unix:{}", below.display()),
            "systemd:auth",
        ])
    );
    let said = setting.refuses(&after);
    for part in [
        "the configuration before stays in force: mistakes in it: 3\n".to_owned(),
        format!("cannot listen on {held}: "),
        "a.toml:12:11".to_owned(),
        format!("cannot listen on unix:{}: ", below.display()),
        "cannot listen on systemd:auth: ".to_owned(),
    ] {
        assert!(said.contains(&part), "no {part:?} in {said}");
    }
    assert_eq!(said.matches("help: ").count(), 3, "{said}");
    assert!(!is_open(comes) && !socket.exists(), "what could be had is let go");
    let (mut one, mut other) = (Client::tcp(stays), Client::tcp(stays));
    assert_eq!((one.ask("/auth"), other.ask("/auth")), (Some(200), Some(200)));
    let metrics = Client::tcp(status).read("/metrics");
    assert!(
        metrics.contains("countersign_reloads_total{result=\"failed\"} 1"),
        "{metrics}"
    );
    let told = setting.gateway.line("cannot listen on");
    assert!(told.starts_with("error: configuration: "), "{told}");
}

#[test]
fn the_mode_of_a_unix_socket_changes_where_it_stands() {
    let folder = Folder::new();
    let path = folder.0.join("a.sock");
    let plain = config(&[&format!("unix:{}", path.display())]);
    let file = folder.write("a.toml", &plain);
    let mut gateway = Gateway::start(&folder, &file);
    gateway.line("listening");
    let mut client = Client::unix(&path);
    assert_eq!(client.ask("/auth"), Some(200));
    let (first, socket) = (mode(&path), std::fs::metadata(&path).unwrap().ino());
    assert_ne!(first, 0o600);
    folder.write("a.toml", format!("{plain}mode = \"0600\"\n"));
    gateway.takes();
    assert_eq!(
        (mode(&path), std::fs::metadata(&path).unwrap().ino()),
        (0o600, socket)
    );
    assert_eq!(client.ask("/auth"), Some(200), "the same connection");
    folder.write(
        "a.toml",
        format!("{plain}mode = \"0640\"\nowner = \"no-such-user\"\n"),
    );
    let said = gateway.refuses();
    assert!(
        said.contains("no-such-user") && said.contains("a.toml:11:9"),
        "{said}"
    );
    assert_eq!(mode(&path), 0o600, "nothing of it is taken");
    folder.write("a.toml", format!("{plain}# as it was\n"));
    gateway.takes();
    assert_eq!(mode(&path), first, "as a start would have made it");
    assert_eq!(client.ask("/auth"), Some(200));
}

#[test]
fn a_unix_socket_that_somebody_removed_is_made_anew() {
    let folder = Folder::new();
    let path = folder.0.join("a.sock");
    let file = folder.write("a.toml", config(&[&format!("unix:{}", path.display())]));
    let mut gateway = Gateway::start(&folder, &file);
    gateway.line("listening");
    std::fs::remove_file(&path).unwrap();
    gateway.takes();
    assert_eq!(Client::unix(&path).ask("/auth"), Some(200));
    std::fs::remove_file(&path).unwrap();
    let another = UnixListener::bind(&path).unwrap();
    let said = gateway.refuses();
    assert!(said.contains("cannot listen on unix:"), "{said}");
    drop(another);
    gateway.signal("TERM");
    assert!(gateway.end().1);
    assert!(path.exists(), "what is not ours stays");
}

#[test]
fn a_listener_that_stays_may_speak_otherwise() {
    let at = free();
    let text = config(&[&at.to_string()]);
    let setting = Setting::start(&text);
    let mut client = Client::tcp(at);
    assert_eq!(client.ask("/auth"), Some(200));
    let other = text.replace(
        "speak = \"check\"",
        "speak = \"auth-request\"\ntrusted_peers = [\"127.0.0.1\"]",
    );
    setting.takes(&other);
    assert_eq!(
        client.ask("/auth"),
        Some(404),
        "the same connection, no such endpoint"
    );
}

#[test]
fn status_comes_moves_and_goes_also_to_where_a_listener_was() {
    let (one, other) = (free(), free());
    let status = |at: &SocketAddr| format!("\n[status]\naddress = \"{at}\"\n");
    let listens = |at: &SocketAddr| config(&[&at.to_string()]);
    let setting = Setting::start(&listens(&one));
    setting.takes(&format!("{}{}", listens(&one), status(&other)));
    let mut kept = Client::tcp(other);
    assert_eq!(kept.ask("/readyz"), Some(200));
    setting.takes(&format!("{}{}", listens(&other), status(&one)));
    assert_eq!(Client::tcp(one).ask("/readyz"), Some(200), "they changed places");
    assert_eq!(Client::tcp(one).ask("/auth"), Some(404));
    assert_eq!(Client::tcp(other).ask("/auth"), Some(200));
    assert_eq!(kept.ask("/readyz"), None, "an idle connection ends");
    setting.takes(&format!("{}\n# no status\n", listens(&other)));
    assert!(!is_open(one));
    assert_eq!(Client::tcp(other).ask("/auth"), Some(200));
}

#[test]
fn a_listener_may_grow_to_every_address_of_its_port_and_shrink_again() {
    let at = free();
    let everywhere = format!("0.0.0.0:{}", at.port());
    let setting = Setting::start(&config(&[&at.to_string()]));
    let mut kept = Client::tcp(at);
    assert_eq!(kept.ask("/auth"), Some(200));
    setting.takes(&config(&[&everywhere]));
    assert_eq!(Client::tcp(at).ask("/auth"), Some(200));
    assert_eq!(kept.answer(), None);
    setting.takes(&config(&[&at.to_string()]));
    assert_eq!(Client::tcp(at).ask("/auth"), Some(200));
}

#[test]
fn sockets_of_systemd_are_taken_when_a_reload_names_them_and_stay_there_to_be_taken_again() {
    let [auth, more] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [auth_at, more_at] = [&auth, &more].map(|socket| socket.local_addr().unwrap());
    let folder = Folder::new();
    let file = folder.write("a.toml", config(&["systemd:auth"]));
    // As systemd does it: sockets from descriptor 3 on, and their names in the environment of the very process.
    let script = "exec 3<&0 4<&1 </dev/null >/dev/null; \
                  LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=auth:more exec \"$0\" \"$@\"";
    let mut shell = Command::new("/bin/sh");
    shell
        .env_clear()
        .args(["-c", script])
        .arg(countersign().get_program());
    shell.stdin(Stdio::from(std::os::fd::OwnedFd::from(auth)));
    shell.stdout(Stdio::from(std::os::fd::OwnedFd::from(more)));
    let mut gateway = Gateway::start_by(shell, &folder, &file);
    gateway.line("listening");
    assert_eq!(Client::tcp(auth_at).ask("/auth"), Some(200));
    folder.write("a.toml", config(&["systemd:more"]));
    gateway.takes();
    assert_eq!(Client::tcp(more_at).ask("/auth"), Some(200));
    folder.write("a.toml", config(&["systemd:auth", "systemd:more"]));
    gateway.takes();
    assert_eq!(Client::tcp(auth_at).ask("/auth"), Some(200));
    folder.write("a.toml", config(&["systemd:auth", "systemd:another"]));
    let said = gateway.refuses();
    assert!(said.contains("cannot listen on systemd:another: "), "{said}");
    assert!(said.contains("help: ") && said.contains("restart"), "{said}");
    assert_eq!(Client::tcp(more_at).ask("/auth"), Some(200));
}

#[test]
fn told_to_stop_while_it_reloads_it_takes_nothing_and_stops() {
    let (stays, comes) = (free(), free());
    let mut setting = Setting::start(&config(&[&stays.to_string()]));
    setting
        .folder
        .write("a.toml", config(&[&stays.to_string(), &comes.to_string()]));
    setting.gateway.signal("HUP");
    setting.gateway.signal("TERM");
    setting.gateway.line("finishing");
    let (rest, good) = setting.gateway.end();
    assert!(good && !rest.contains("listening"), "{rest}");
}
