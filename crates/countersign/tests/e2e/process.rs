//! Child processes that end with the test that started them, and waiting that ends.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// How long any condition is waited for, in polls of [`PAUSE`].
const POLLS: u32 = 1200;

/// Between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(50);

/// Polls `holds` until it is true; fails the test, naming `what`, after half a minute.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..POLLS {
        if holds() {
            return;
        }
        std::thread::park_timeout(PAUSE);
    }
    panic!("waited half a minute in vain: {what}");
}

/// Below the ports that the system gives to whoever asks for any: a port found there is not given to another test before
/// the program it is for has taken it.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// `N` addresses on loopback that were free a moment ago, all different, and different from all that were asked for before.
pub(crate) fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let span = u32::from(PORTS.end - PORTS.start);
    let next = || {
        let number = std::process::id() * 97 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + u16::try_from(number % span).unwrap();
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    };
    let free = || {
        (0..span)
            .map(|_| next())
            .find(|address| TcpListener::bind(address).is_ok())
    };
    std::array::from_fn(|_| free().unwrap())
}

/// Waits until somebody accepts connections at `address`.
pub(crate) fn until_open(process: &mut Process, address: SocketAddr) {
    until(&format!("{} opens {address}", process.name), || {
        process.must_run();
        TcpStream::connect_timeout(&address, PAUSE).is_ok()
    });
}

pub(crate) use countersign_testkit::folder::Folder;

/// Whether the tests run as root.
pub(crate) fn is_roots(folder: &Folder) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(&folder.0).unwrap().uid() == 0
}

/// What a child has written, line by line, and a bell for who waits for a line.
type Log = Arc<(Mutex<Vec<String>>, Condvar)>;

/// A child process. It is ended when this is dropped; when the test fails, what it wrote is shown.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    log: Log,
}

impl Process {
    /// Starts `command`, in a pipe from us: a child that reads its input ends with us whatever happens.
    pub(crate) fn start(name: &str, command: &mut Command) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start ({error}): run `cargo xtask tools`"));
        let log = Log::default();
        collect(child.stdout.take().unwrap(), &log);
        collect(child.stderr.take().unwrap(), &log);
        Self {
            name: name.to_owned(),
            child,
            log,
        }
    }

    /// Sends a signal by its name, such as `HUP`.
    pub(crate) fn signal(&self, signal: &str) {
        assert!(self.send(signal), "{} is gone: {}", self.name, self.written());
    }

    /// Whether the signal arrived. Never panics: a destructor may ask.
    fn send(&self, signal: &str) -> bool {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(id).status();
        sent.is_ok_and(|status| status.success())
    }

    /// Everything written so far.
    pub(crate) fn written(&self) -> String {
        self.log.0.lock().unwrap().join("\n")
    }

    /// The first line that `wanted` takes; waits for it.
    pub(crate) fn line(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        for _ in 0..POLLS {
            let (lines, bell) = &*self.log;
            let lines = lines.lock().unwrap();
            if let Some(line) = lines.iter().find(|line| wanted(line)) {
                return line.clone();
            }
            drop(bell.wait_timeout(lines, PAUSE).unwrap());
            self.must_run();
        }
        panic!("{} never wrote {what}: {}", self.name, self.written());
    }

    /// Writes a line to its input.
    pub(crate) fn tell(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
        input.flush().unwrap();
    }

    /// Fails the test when the child has ended.
    pub(crate) fn must_run(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("{} ended with {status}: {}", self.name, self.written());
        }
    }

    /// Whether the child has ended by itself, or was killed.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Asks the child to end and waits for it.
    pub(crate) fn end(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        drop(self.child.stdin.take());
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _gone_already = self.send("TERM");
        }
        for _ in 0..POLLS / 6 {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return;
            }
            std::thread::park_timeout(PAUSE);
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- {} wrote:\n{}\n---", self.name, self.written());
        }
        self.stop();
    }
}

fn collect(output: impl Read + Send + 'static, log: &Log) {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let (lines, bell) = &*log;
            lines
                .lock()
                .unwrap()
                .push(String::from_utf8_lossy(&line).into_owned());
            bell.notify_all();
        }
    });
}

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A tool that `cargo xtask tools` has put into the repository.
pub(crate) fn tool(name: &str) -> Command {
    let path = repository().join(".tools/bin").join(name);
    assert!(path.exists(), "{name} is missing: run `cargo xtask tools`");
    Command::new(path)
}

/// The moment by the real clock.
#[expect(
    clippy::disallowed_methods,
    reason = "how long a process takes to notice is what is asked"
)]
pub(crate) fn moment() -> std::time::Instant {
    std::time::Instant::now()
}
